import type { ComponentChildren } from 'preact';
import { clipped } from '../base/text.ts';

/** Characters of a value that are shown: labels may hold a megabyte. */
const MOST = 4000;

const short = (value: ComponentChildren): ComponentChildren =>
  typeof value === 'string' ? clipped(value, MOST) : value;

/** Names with what they are; what is empty is left out. */
export const Facts = ({
  rows,
}: {
  rows: ReadonlyArray<readonly [name: string, value: ComponentChildren]>;
}) => (
  <dl class="facts">
    {rows
      .filter(([, value]) => value !== '' && !(Array.isArray(value) && value.length === 0))
      .map(([name, value]) => (
        <div key={name}>
          <dt>{clipped(name, 200)}</dt>
          <dd>{short(value)}</dd>
        </div>
      ))}
  </dl>
);
