import { useRef, useState } from 'preact/hooks';
import { call } from '../../api/requests.ts';
import { bytes } from '../../base/text.ts';
import type { Volume } from '../../store/engine.ts';
import { Ask } from '../../widgets/ask.tsx';
import { Field } from '../../widgets/field.tsx';
import { done } from '../../widgets/notices.tsx';
import { link } from '../../widgets/route.ts';
import { Prune } from '../prune.tsx';

const path = (name: string) => `/volumes/${encodeURIComponent(name)}` as '/volumes/{name}';

/** `a=1 b=2`, as the options of a driver are written in a line; a word without a sign has an empty value. */
export const pairs = (text: string): Record<string, string> =>
  Object.fromEntries(
    text
      .split(/\s+/)
      .filter(Boolean)
      .map((word) => {
        const at = word.indexOf('=');
        return at === -1 ? [word, ''] : [word.slice(0, at), word.slice(at + 1)];
      }),
  );

function Create({ onClose }: { onClose: () => void }) {
  const [name, setName] = useState('');
  const [options, setOptions] = useState('');
  const [labels, setLabels] = useState('');
  const made = useRef('');
  const work = async (): Promise<void> => {
    const body = { Name: name.trim(), DriverOpts: pairs(options), Labels: pairs(labels) };
    made.current = (await call<'VolumeCreate'>('POST', '/volumes/create', { body })).Name;
    done(`${made.current} created`);
  };
  const show = (): void => location.assign(link('volumes', made.current));
  return (
    <Ask title="Create a volume" verb="Create" work={work} onClose={onClose} onDone={show}>
      <Field label="Name" value={name} onValue={setName} hint="One is made up when there is none" />
      <Field
        label="Options of the driver"
        value={options}
        onValue={setOptions}
        placeholder="type=tmpfs device=tmpfs o=size=64m"
        hint="As mount takes them; a folder of the engine when there are none"
      />
      <Field label="Labels" value={labels} onValue={setLabels} placeholder="name=value other=value" />
    </Ask>
  );
}

const COPIES = {
  clone: {
    title: 'Clone',
    said: 'A volume with the same files, which goes its own way from now on.',
  },
  snapshot: {
    title: 'Take a snapshot of',
    said: 'A volume that keeps the files as they are now.',
  },
} as const;

function Copy({ verb, name, onClose }: { verb: keyof typeof COPIES; name: string; onClose: () => void }) {
  const [other, setOther] = useState('');
  const { title, said } = COPIES[verb];
  const work = async (): Promise<void> => {
    const body = other.trim() ? { Name: other.trim() } : {};
    const { Volume: made } = await call<'VolumeClone'>(
      'POST',
      `${path(name)}/${verb}` as '/volumes/{name}/clone',
      { body },
    );
    done(`${made.Name} has the files of ${name}`);
  };
  return (
    <Ask title={`${title} ${name}`} verb={verb} work={work} onClose={onClose}>
      <p>{said}</p>
      <Field label="Name" value={other} onValue={setOther} hint="One is made up when there is none" />
    </Ask>
  );
}

/** Buttons for what can be done to a volume. */
export function VolumeActions({ volume: { Name }, onRemoved }: { volume: Volume; onRemoved?: () => void }) {
  const [asking, setAsking] = useState('');
  const close = (): void => setAsking('');
  const remove = async (): Promise<void> => {
    await call<'VolumeDelete'>('DELETE', path(Name));
    done(`${Name} removed`);
  };
  return (
    <span class="actions">
      {(['clone', 'snapshot', 'remove'] as const).map((verb) => (
        <button key={verb} type="button" aria-label={`${verb} ${Name}`} onClick={() => setAsking(verb)}>
          {verb}
        </button>
      ))}
      {(asking === 'clone' || asking === 'snapshot') && <Copy verb={asking} name={Name} onClose={close} />}
      {asking === 'remove' && (
        <Ask title={`Remove ${Name}?`} verb="Remove" danger work={remove} onClose={close} onDone={onRemoved}>
          <p>Its files are gone with it.</p>
        </Ask>
      )}
    </span>
  );
}

/** Buttons for what concerns volumes as a whole. */
export function VolumesActions() {
  const [asking, setAsking] = useState('');
  const close = (): void => setAsking('');
  const prune = async (all: boolean): Promise<void> => {
    const query = { filters: JSON.stringify(all ? { all: ['true'] } : {}) };
    const { VolumesDeleted, SpaceReclaimed } = await call<'VolumePrune'>('POST', '/volumes/prune', { query });
    const count = VolumesDeleted?.length ?? 0;
    done(
      count === 0
        ? 'There was nothing to remove'
        : `${count} ${count === 1 ? 'volume' : 'volumes'} removed, ${bytes(SpaceReclaimed)} reclaimed`,
    );
  };
  return (
    <span class="actions">
      <button type="button" onClick={() => setAsking('create')}>
        Create
      </button>
      <button type="button" onClick={() => setAsking('prune')}>
        Prune
      </button>
      {asking === 'create' && <Create onClose={close} />}
      {asking === 'prune' && (
        <Prune
          of="volumes"
          said="Volumes without a name of their own that no container has are removed, with their files."
          work={prune}
          onClose={close}
        />
      )}
    </span>
  );
}
