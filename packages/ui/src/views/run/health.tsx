import { Field } from '../../widgets/field.tsx';
import { Choice } from './choice.tsx';
import type { PartProps } from './lists.tsx';

const CHECKS = [
  ['', "The image's own, if it has one"],
  ['command', 'A command in the container'],
  ['none', 'None'],
] as const;

/** The health check of a container that is to be. */
export function Health({ form, change, wrongAt }: PartProps) {
  const error = wrongAt('health');
  return (
    <>
      <Choice
        label="Health check"
        value={form.health}
        onValue={(health) => change({ health })}
        error={form.health === 'command' ? undefined : error}
        offers={CHECKS}
      />
      {form.health === 'command' && (
        <div class="columns">
          <Field
            label="Command of the check"
            value={form.healthCommand}
            onValue={(healthCommand) => change({ healthCommand })}
            error={error}
            placeholder="wget -q -O /dev/null http://127.0.0.1/"
            hint="Run by the container's shell; it is well when that ends with 0"
          />
          <Field
            label="Time between checks"
            value={form.healthInterval}
            onValue={(healthInterval) => change({ healthInterval })}
            error={wrongAt('healthInterval')}
            placeholder="30s"
          />
          <Field
            label="Time for a check"
            value={form.healthTimeout}
            onValue={(healthTimeout) => change({ healthTimeout })}
            error={wrongAt('healthTimeout')}
            placeholder="30s"
          />
          <Field
            label="Time to start"
            value={form.healthStart}
            onValue={(healthStart) => change({ healthStart })}
            error={wrongAt('healthStart')}
            placeholder="0s"
            hint="In which failures do not count"
          />
          <Field
            label="Failures before it is unhealthy"
            value={form.healthRetries}
            onValue={(healthRetries) => change({ healthRetries })}
            error={wrongAt('healthRetries')}
            placeholder="3"
          />
        </div>
      )}
    </>
  );
}
