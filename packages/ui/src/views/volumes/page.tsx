import { useState } from 'preact/hooks';
import { bytes, visible } from '../../base/text.ts';
import { useValue } from '../../base/use-value.ts';
import { engine, type Volume } from '../../store/engine.ts';
import { Facts } from '../../widgets/facts.tsx';
import { Json } from '../../widgets/json.tsx';
import { Missing } from '../../widgets/missing.tsx';
import { Tabs } from '../../widgets/tabs.tsx';
import { nameOf } from '../containers/actions.tsx';
import { Users } from '../users.tsx';
import { VolumeActions } from './actions.tsx';
import { usersOf, useSizes } from './usage.ts';

const TABS = [
  ['', 'Overview'],
  ['inspect', 'Inspect'],
] as const;

/** A volume: what it is, how large, and who has it. */
export function VolumePage({ name, tab }: { name: string; tab: string }) {
  engine.want('volumes');
  const volumes = useValue(engine.volumes);
  if (!volumes) return <p class="waiting">Asking the engine…</p>;
  const volume = volumes.find((one) => one.Name === name);
  if (!volume) return <Missing kind="volume" />;
  return (
    <>
      <div class="bar">
        <h1>{visible(name)}</h1>
        <VolumeActions volume={volume} onRemoved={() => location.assign('#/volumes')} />
      </div>
      <Tabs label="Views of the volume" base={['volumes', name]} tabs={TABS} current={tab} />
      {tab === '' && <Overview volume={volume} volumes={volumes} />}
      {tab === 'inspect' && <Json value={volume} />}
    </>
  );
}

function Overview({ volume, volumes }: { volume: Volume; volumes: readonly Volume[] }) {
  const [again, setAgain] = useState(0);
  const size = useSizes(volumes, again)?.get(volume.Name);
  const users = usersOf(volume, useValue(engine.containers));
  const { Driver, Mountpoint, CreatedAt, Options, Labels, Scope } = volume;
  const sorted = (map: Record<string, string> | null | undefined): Array<readonly [string, string]> =>
    Object.entries(map ?? {})
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, value]) => [visible(key), visible(value)]);
  return (
    <>
      <Facts
        rows={[
          ['Driver', `${visible(Driver)}, ${Scope}`],
          [
            'Size',
            <>
              {size === undefined ? 'is being measured' : bytes(size)}{' '}
              <button type="button" onClick={() => setAgain(again + 1)}>
                Measure again
              </button>
            </>,
          ],
          ['Created', CreatedAt ?? ''],
          ['On the host', <code>{visible(Mountpoint)}</code>],
          ['Used by', users.length > 0 ? <Users containers={users} /> : 'no container'],
        ]}
      />
      {users.length > 0 && (
        <>
          <h2>Where it is mounted</h2>
          <Facts
            rows={users.flatMap((user) =>
              (user.Mounts ?? [])
                .filter(({ Name }) => Name === volume.Name)
                .map(({ Destination, RW }) => [
                  visible(nameOf(user)),
                  `${visible(Destination ?? '')}${RW ? '' : ', read-only'}`,
                ]),
            )}
          />
        </>
      )}
      {Object.keys(Options ?? {}).length > 0 && (
        <>
          <h2>Options</h2>
          <Facts rows={sorted(Options)} />
        </>
      )}
      {Object.keys(Labels ?? {}).length > 0 && (
        <>
          <h2>Labels</h2>
          <Facts rows={sorted(Labels)} />
        </>
      )}
    </>
  );
}
