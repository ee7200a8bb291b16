import { Field } from '../../widgets/field.tsx';
import { bound, boundText, type PartProps } from './bound.ts';
import { Choice } from './choice.tsx';

const CHECKS = [
  ['', "The image's own, if it has one"],
  ['command', 'A command in the container'],
  ['none', 'None'],
] as const;

/** The health check of a container that is to be. */
export function Health(props: PartProps) {
  const { form } = props;
  const error = props.wrongAt('health');
  return (
    <>
      <Choice
        label="Health check"
        {...boundText(props, 'health')}
        error={form.health === 'command' ? undefined : error}
        offers={CHECKS}
      />
      {form.health === 'command' && (
        <div class="columns">
          <Field
            label="Command of the check"
            {...boundText(props, 'healthCommand')}
            error={error}
            placeholder="wget -q -O /dev/null http://127.0.0.1/"
            hint="Run by the container's shell; it is well when that ends with 0"
          />
          <Field label="Time between checks" {...bound(props, 'healthInterval')} placeholder="30s" />
          <Field label="Time for a check" {...bound(props, 'healthTimeout')} placeholder="30s" />
          <Field
            label="Time to start"
            {...bound(props, 'healthStart')}
            placeholder="0s"
            hint="In which failures do not count"
          />
          <Field label="Failures before it is unhealthy" {...bound(props, 'healthRetries')} placeholder="3" />
        </div>
      )}
    </>
  );
}
