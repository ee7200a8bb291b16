import { useEffect, useMemo, useState } from 'preact/hooks';
import { visible } from '../../base/text.ts';
import { useValue } from '../../base/use-value.ts';
import { engine, type Network } from '../../store/engine.ts';
import { wiring } from '../../store/wiring.ts';
import { lazy } from '../../widgets/lazy.tsx';
import { link } from '../../widgets/route.ts';
import { Table } from '../../widgets/table.tsx';
import { nameOf } from '../containers/actions.tsx';
import { CreateNetwork } from './create.tsx';
import { pictureOf } from './graph.ts';
import { addressesIn, placeIn } from './places.ts';

const NetworkPicture = lazy(async () => (await import('./picture.tsx')).NetworkPicture);

/** Containers that a row of the table names. */
const MOST_NAMED = 5;

/** Networks that every engine has, and keeps. */
export const predefined = ({ Name }: Network): boolean => ['bridge', 'host', 'none'].includes(Name);

/** How packets leave a network, in words. */
export function leaving({ Driver, Internal }: Network, masquerade: boolean | undefined): string {
  if (Driver === 'null') return 'no network';
  if (Driver === 'host') return "the host's own";
  if (Internal) return 'internal: no way out';
  if (Driver !== 'bridge') return 'by its parent interface';
  return masquerade === undefined ? '' : masquerade ? "as the host's address" : 'as they are';
}

/** All networks, drawn and as a table. */
export function Networks() {
  const networks = useValue(engine.networks);
  const containers = useValue(engine.containers);
  const wired = useValue(wiring.wired);
  const [creating, setCreating] = useState(false);
  useEffect(() => wiring.follow(), []);
  const picture = useMemo(
    () => networks && containers && pictureOf(networks, containers.values(), wired),
    [networks, containers, wired],
  );
  if (!networks || !containers || !picture) return <p class="waiting">Asking the engine…</p>;
  return (
    <>
      <div class="bar">
        <h1>Networks</h1>
        <button type="button" onClick={() => setCreating(true)}>
          Create a network
        </button>
        <span class="count" role="status">
          {networks.length} networks
        </span>
      </div>
      {creating && <CreateNetwork onClose={() => setCreating(false)} />}
      <NetworkPicture picture={picture} />
      <Table
        caption="Networks"
        columns={['Name', 'Driver', 'On the host', 'Addresses', 'Packets leave', 'Containers']}
        rows={networks}
      >
        {(network) => {
          const ways = wired.get(network.Id);
          const members = [...containers.values()].filter((one) => placeIn(one, network.Id));
          return (
            <tr key={network.Id}>
              <th scope="row">
                <a href={link('networks', network.Name)}>{visible(network.Name)}</a>
              </th>
              <td data-title="Driver">{visible(network.Driver)}</td>
              <td data-title="On the host">{visible(ways?.Link ?? '')}</td>
              <td data-title="Addresses">
                {(ways?.Subnets ?? []).map(({ Subnet }) => (
                  <span key={Subnet} class="item">
                    {Subnet}
                  </span>
                ))}
              </td>
              <td data-title="Packets leave">{leaving(network, ways?.Masquerade)}</td>
              <td data-title="Containers">
                {members.slice(0, MOST_NAMED).map((one) => (
                  <span key={one.Id} class="item">
                    <a href={link('containers', one.Id.slice(0, 12))}>{visible(nameOf(one))}</a>{' '}
                    {one.State === 'running' ? addressesIn(one, network.Id).join(' ') : one.State}
                  </span>
                ))}
                {members.length > MOST_NAMED && (
                  <a href={link('networks', network.Name)}>{members.length - MOST_NAMED} more</a>
                )}
              </td>
            </tr>
          );
        }}
      </Table>
    </>
  );
}
