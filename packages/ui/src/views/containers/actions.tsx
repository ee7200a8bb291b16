import { useState } from 'preact/hooks';
import { call } from '../../api/requests.ts';
import type { Container } from '../../store/engine.ts';
import { Ask } from '../../widgets/ask.tsx';
import { Check } from '../../widgets/check.tsx';
import { attempt, done } from '../../widgets/notices.tsx';

/** The name by which a container is known, without the stroke of the API. */
export const nameOf = ({ Names, Id }: Container): string => Names?.[0]?.replace(/^\//, '') ?? Id.slice(0, 12);

/** Whether the engine counts a container among those that run, which it removes by force alone. */
export const runs = ({ State }: Pick<Container, 'State'>): boolean =>
  State === 'running' || State === 'paused' || State === 'restarting';

type Verb = 'start' | 'stop' | 'restart' | 'pause' | 'unpause';

const DONE: Record<Verb, string> = {
  start: 'started',
  stop: 'stopped',
  restart: 'restarted',
  pause: 'paused',
  unpause: 'resumed',
};

/** The verbs that a container's state leaves. */
function verbs(state: string): Verb[] {
  if (state === 'paused') return ['unpause', 'stop'];
  if (state === 'running' || state === 'restarting') return ['stop', 'restart'];
  return ['start'];
}

/** Buttons for what can be done to a container. */
export function Actions({ container, onRemoved }: { container: Container; onRemoved?: () => void }) {
  const [busy, setBusy] = useState('');
  const [asking, setAsking] = useState(false);
  const name = nameOf(container);
  const act = async (verb: Verb): Promise<void> => {
    setBusy(verb);
    await attempt(
      () => call<'ContainerStart'>('POST', `/containers/${container.Id}/${verb}` as '/containers/{id}/start'),
      `${name} ${DONE[verb]}`,
    );
    setBusy('');
  };
  return (
    <span class="actions">
      {verbs(container.State).map((verb) => (
        <button
          key={verb}
          type="button"
          disabled={busy !== ''}
          aria-label={`${verb} ${name}`}
          onClick={() => void act(verb)}
        >
          {busy === verb ? `${verb}…` : verb}
        </button>
      ))}
      <button
        type="button"
        disabled={busy !== ''}
        aria-label={`remove ${name}`}
        onClick={() => setAsking(true)}
      >
        remove
      </button>
      {asking && (
        <RemoveDialog container={container} onClose={() => setAsking(false)} onRemoved={onRemoved} />
      )}
    </span>
  );
}

function RemoveDialog({
  container,
  onClose,
  onRemoved,
}: {
  container: Container;
  onClose: () => void;
  onRemoved: (() => void) | undefined;
}) {
  const [volumes, setVolumes] = useState(false);
  const name = nameOf(container);
  const force = runs(container);
  const remove = async (): Promise<void> => {
    const query = { force, v: volumes };
    await call<'ContainerDelete'>('DELETE', `/containers/${container.Id}`, { query });
    done(`${name} removed`);
  };
  return (
    <Ask title={`Remove ${name}?`} verb="Remove" danger work={remove} onClose={onClose} onDone={onRemoved}>
      <p>
        {force ? 'It runs, and is killed. ' : ''}
        What it has written outside of volumes is gone with it.
      </p>
      <Check checked={volumes} onChecked={setVolumes}>
        Its volumes without a name, too
      </Check>
    </Ask>
  );
}
