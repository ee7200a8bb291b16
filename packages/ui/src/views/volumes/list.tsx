import { useState } from 'preact/hooks';
import { ago, bytes, holds, visible } from '../../base/text.ts';
import { useValue } from '../../base/use-value.ts';
import { engine } from '../../store/engine.ts';
import { Find } from '../../widgets/find.tsx';
import { link } from '../../widgets/route.ts';
import { Table } from '../../widgets/table.tsx';
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
  const shown = volumes
    .filter(({ Name, Driver, Labels }) => holds(text, [Name, Driver], Labels))
    .sort((a, b) => (a.Name < b.Name ? -1 : 1));
  return (
    <>
      <div class="bar">
        <h1>Volumes</h1>
        <Find label="Find a volume" placeholder="Name, driver, label" value={text} onValue={setText} />
        <span class="count" role="status">
          {shown.length} of {volumes.length}
        </span>
        <VolumesActions />
      </div>
      <Table
        caption="Volumes"
        columns={['Name', 'Driver', 'Created', 'Size', 'Used by']}
        numbers={['Size']}
        actions
        rows={shown}
      >
        {(volume) => (
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
        )}
      </Table>
      {volumes.length === 0 && <p class="waiting">No volumes yet.</p>}
    </>
  );
}
