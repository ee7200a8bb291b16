import { visible } from '../../base/text.ts';
import type { Image } from '../../store/engine.ts';
import { Field } from '../../widgets/field.tsx';
import { configOf, useInspected } from '../images/inspected.ts';
import { bound, type PartProps } from './bound.ts';

/** The program of a container that is to be: what it is called with, as whom, and where. */
export function Program({ image, ...props }: PartProps & { image: Image | undefined }) {
  const { form } = props;
  const { Entrypoint, Cmd, User, WorkingDir } = configOf(useInspected(image));
  const entrypoint = form.entrypoint.trim() || visible((Entrypoint ?? []).join(' '));
  return (
    <>
      <Field
        label="Command"
        {...bound(props, 'command')}
        // With an entrypoint of its own, a container has nothing of the image's command.
        placeholder={form.entrypoint.trim() ? '' : visible((Cmd ?? []).join(' '))}
        hint={
          entrypoint ? `Arguments of ${entrypoint}; the image's own when empty` : "The image's own when empty"
        }
      />
      <div class="columns">
        <Field
          label="Entrypoint"
          {...bound(props, 'entrypoint')}
          placeholder={visible((Entrypoint ?? []).join(' '))}
          hint="The program before the command; the image's own when empty"
        />
        <Field
          label="User"
          {...bound(props, 'user')}
          placeholder={visible(User || 'root')}
          hint="A name or number, with :group; the image's own when empty"
        />
        <Field label="Working folder" {...bound(props, 'folder')} placeholder={visible(WorkingDir || '/')} />
      </div>
    </>
  );
}
