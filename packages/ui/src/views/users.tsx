import { visible } from '../base/text.ts';
import type { Container } from '../store/engine.ts';
import { link } from '../widgets/route.ts';
import { nameOf } from './containers/actions.tsx';

/** Containers that are named at once. */
const MOST = 5;

/** Links to the containers that use something, the first few of them. */
export const Users = ({ containers }: { containers: readonly Container[] }) => (
  <>
    {containers.slice(0, MOST).map((one) => (
      <span key={one.Id} class="item">
        <a href={link('containers', one.Id.slice(0, 12))}>{visible(nameOf(one))}</a>
      </span>
    ))}
    {containers.length > MOST && <small>and {containers.length - MOST} more</small>}
  </>
);
