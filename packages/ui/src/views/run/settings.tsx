import { visible } from '../../base/text.ts';
import { useValue } from '../../base/use-value.ts';
import { engine } from '../../store/engine.ts';
import { Check } from '../../widgets/check.tsx';
import { Field } from '../../widgets/field.tsx';
import { bound, boundText, type PartProps } from './bound.ts';
import { Choice } from './choice.tsx';

const POLICIES = [
  ['no', 'Stay ended'],
  ['on-failure', 'Start again when it failed'],
  ['unless-stopped', 'Start again unless it was stopped'],
  ['always', 'Always start again'],
] as const;

/** Limits, what comes after its end, network and terminal of a container that is to be. */
export function Settings(props: PartProps) {
  const { form, change, wrongAt } = props;
  engine.want('networks');
  const networks = useValue(engine.networks) ?? [];
  const names = networks.map(({ Name }) => Name).sort();
  return (
    <>
      <div class="columns">
        <Field
          label="Memory at most"
          {...bound(props, 'memory')}
          placeholder="512m"
          hint="Bytes, or with k, m, g; no limit when empty"
        />
        <Field
          label="Processors at most"
          {...bound(props, 'cpus')}
          placeholder="1.5"
          hint="No limit when empty"
        />
        <Field
          label="Processes at most"
          {...bound(props, 'pids')}
          placeholder="100"
          hint="The engine's own limit when empty"
        />
      </div>
      <div class="columns">
        <Choice
          label="After its end"
          {...boundText(props, 'restart')}
          error={form.restart === 'on-failure' ? undefined : wrongAt('restart')}
          offers={POLICIES}
        />
        {form.restart === 'on-failure' && (
          <Field
            label="Tries at most"
            {...boundText(props, 'retries')}
            error={wrongAt('restart')}
            hint="Any number when empty"
          />
        )}
        <Choice
          label="Network"
          {...bound(props, 'network')}
          offers={[['', 'The usual one'], ...names.map((name) => [name, visible(name)] as const)]}
        />
      </div>
      <p>
        <Check checked={form.tty} onChecked={(checked) => change({ tty: checked })}>
          With a terminal, for programs that talk with their user
        </Check>
      </p>
      <p>
        <Check checked={form.autoRemove} onChecked={(checked) => change({ autoRemove: checked })}>
          Remove it when it ends
        </Check>
      </p>
    </>
  );
}
