import { visible } from '../../base/text.ts';
import type { Image } from '../../store/engine.ts';
import { Field } from '../../widgets/field.tsx';
import { configOf, useInspected } from '../images/inspected.ts';
import type { PartProps } from './lists.tsx';

/** The program of a container that is to be: what it is called with, as whom, and where. */
export function Program({ form, change, wrongAt, image }: PartProps & { image: Image | undefined }) {
  const { Entrypoint, Cmd, User, WorkingDir } = configOf(useInspected(image));
  const entrypoint = form.entrypoint.trim() || visible((Entrypoint ?? []).join(' '));
  return (
    <>
      <Field
        label="Command"
        value={form.command}
        onValue={(command) => change({ command })}
        error={wrongAt('command')}
        // With an entrypoint of its own, a container has nothing of the image's command.
        placeholder={form.entrypoint.trim() ? '' : visible((Cmd ?? []).join(' '))}
        hint={
          entrypoint ? `Arguments of ${entrypoint}; the image's own when empty` : "The image's own when empty"
        }
      />
      <div class="columns">
        <Field
          label="Entrypoint"
          value={form.entrypoint}
          onValue={(text) => change({ entrypoint: text })}
          error={wrongAt('entrypoint')}
          placeholder={visible((Entrypoint ?? []).join(' '))}
          hint="The program before the command; the image's own when empty"
        />
        <Field
          label="User"
          value={form.user}
          onValue={(user) => change({ user })}
          error={wrongAt('user')}
          placeholder={visible(User || 'root')}
          hint="A name or number, with :group; the image's own when empty"
        />
        <Field
          label="Working folder"
          value={form.folder}
          onValue={(folder) => change({ folder })}
          error={wrongAt('folder')}
          placeholder={visible(WorkingDir || '/')}
        />
      </div>
    </>
  );
}
