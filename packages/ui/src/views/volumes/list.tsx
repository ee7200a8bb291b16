import { useState } from 'preact/hooks';
import { ago, bytes, visible } from '../../base/text.ts';
import { useValue } from '../../base/use-value.ts';
import { engine } from '../../store/engine.ts';
import { link } from '../../widgets/route.ts';
import { Users } from '../users.tsx';
import { VolumeActions, VolumesActions } from './actions.tsx';
import { usersOf, useSizes } from './usage.ts';

/** All volumes by their names. */
export function Volumes() {
  engine.want('volumes');
  const volumes = useValue(engine.volumes);
  const containers = useValue(engine.containers);
  const [text, setText] = useState('');
  const sizes = useSizes(volumes);
  if (!volumes) return <p class="waiting">Asking the engine…</p>;
  const wanted = text.toLowerCase();
  const shown = volumes
    .filter(({ Name, Driver, Labels }) =>
      [Name, Driver, ...Object.entries(Labels ?? {}).map(([name, value]) => `${name}=${value}`)].some(
        (part) => part.toLowerCase().includes(wanted),
      ),
    )
    .sort((a, b) => (a.Name < b.Name ? -1 : 1));
  return (
    <>
      <div class="bar">
        <h1>Volumes</h1>
        <label class="find">
          <span class="unseen">Find a volume</span>
          <input
            type="search"
            placeholder="Name, driver, label"
            value={text}
            onInput={({ currentTarget }) => setText(currentTarget.value)}
          />
        </label>
        <span class="count" role="status">
          {shown.length} of {volumes.length}
        </span>
        <VolumesActions />
      </div>
      <table class="cards">
        <caption class="unseen">Volumes</caption>
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col">Driver</th>
            <th scope="col">Created</th>
            <th scope="col" class="number">
              Size
            </th>
            <th scope="col">Used by</th>
            <th scope="col">
              <span class="unseen">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {shown.map((volume) => (
            <tr key={volume.Name}>
              <th scope="row">
                <a href={link('volumes', volume.Name)}>{visible(volume.Name)}</a>
              </th>
              <td data-title="Driver">{visible(volume.Driver)}</td>
              <td data-title="Created">{volume.CreatedAt ? ago(Date.parse(volume.CreatedAt) / 1000) : ''}</td>
              <td data-title="Size" class="number">
                {sizes?.has(volume.Name) ? bytes(sizes.get(volume.Name)!) : '…'}
              </td>
              <td data-title="Used by">
                <Users containers={usersOf(volume, containers)} />
              </td>
              <td class="buttons">
                <VolumeActions volume={volume} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {volumes.length === 0 && <p class="waiting">No volumes yet.</p>}
    </>
  );
}
