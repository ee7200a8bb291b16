import { useEffect, useState } from 'preact/hooks';
import { call } from '../../api/requests.ts';
import { shortId, visible } from '../../base/text.ts';
import { useValue } from '../../base/use-value.ts';
import { type Container, engine, type Network } from '../../store/engine.ts';
import { type Wired, wiring } from '../../store/wiring.ts';
import { Ask } from '../../widgets/ask.tsx';
import { Facts } from '../../widgets/facts.tsx';
import { Json } from '../../widgets/json.tsx';
import { lazy } from '../../widgets/lazy.tsx';
import { Missing } from '../../widgets/missing.tsx';
import { attempt, done } from '../../widgets/notices.tsx';
import { link } from '../../widgets/route.ts';
import { Table } from '../../widgets/table.tsx';
import { Tabs } from '../../widgets/tabs.tsx';
import { nameOf } from '../containers/actions.tsx';
import { portsOf } from '../containers/list.tsx';
import { ConnectContainer } from './connect.tsx';
import { leaving, predefined } from './list.tsx';
import { addressesIn, placeIn } from './places.ts';

const Explained = lazy(async () => (await import('../explained.tsx')).ExplainedNetwork);
const Audit = lazy(async () => (await import('../audit.tsx')).Audit);

const TABS = [
  ['', 'Overview'],
  ['explain', 'Explain'],
  ['audit', 'Audit'],
  ['inspect', 'Inspect'],
] as const;

/** The containers of a network with their ports: an audit is asked for again when they change. */
const wiredAs = (ways: Wired | undefined): string =>
  (ways?.Members ?? []).map(({ Id, Ports }) => `${Id} ${Ports}`).join(' ');

/** A network: what it is, who is on it, and how it is wired. */
export function NetworkPage({ name, tab }: { name: string; tab: string }) {
  const networks = useValue(engine.networks);
  const containers = useValue(engine.containers);
  const wired = useValue(wiring.wired);
  const [asking, setAsking] = useState<'' | 'connect' | 'remove'>('');
  useEffect(() => wiring.follow(), []);
  if (!networks || !containers) return <p class="waiting">Asking the engine…</p>;
  const network =
    networks.find((one) => one.Name === name) ?? networks.find((one) => one.Id.startsWith(name));
  if (!network) return <Missing kind="network" />;
  const ways = wired.get(network.Id);
  const fixed = network.Driver === 'host' || network.Driver === 'null';
  return (
    <>
      <div class="bar">
        <h1>{visible(network.Name)}</h1>
        <span class="actions">
          {!fixed && (
            <button type="button" onClick={() => setAsking('connect')}>
              connect a container
            </button>
          )}
          {!predefined(network) && (
            <button type="button" onClick={() => setAsking('remove')}>
              remove
            </button>
          )}
        </span>
      </div>
      {asking === 'connect' && <ConnectContainer network={network} onClose={() => setAsking('')} />}
      {asking === 'remove' && <RemoveNetwork network={network} onClose={() => setAsking('')} />}
      <Tabs label="Views of the network" base={['networks', name]} tabs={TABS} current={tab} />
      {tab === '' && <Overview network={network} ways={ways} containers={[...containers.values()]} />}
      {tab === 'explain' && (ways ? <Explained value={ways} /> : <p class="waiting">Asking the engine…</p>)}
      {tab === 'audit' && <Audit of={`networks/${network.Id}`} again={wiredAs(ways)} />}
      {tab === 'inspect' && <Json value={network} />}
    </>
  );
}

function Overview({
  network,
  ways,
  containers,
}: {
  network: Network;
  ways: Wired | undefined;
  containers: readonly Container[];
}) {
  const pairs = (values: Record<string, string> | null | undefined) =>
    Object.entries(values ?? {}).map(([key, value]) => (
      <span key={key} class="item">
        {visible(key)}={visible(value)}
      </span>
    ));
  const members = containers.filter((one) => placeIn(one, network.Id));
  const ends = new Map(ways?.Members.map((one) => [one.Id, one]));
  return (
    <>
      <Facts
        rows={[
          ['Id', shortId(network.Id)],
          ['Driver', visible(network.Driver)],
          ['On the host', visible(ways?.Link ?? '')],
          [
            'Addresses',
            (ways?.Subnets ?? []).map(({ Subnet, Gateway }) => (
              <span key={Subnet} class="item">
                {Subnet}, router {Gateway}
              </span>
            )),
          ],
          ['Packets leave', leaving(network, ways?.Masquerade)],
          ['Each other', ways && network.Driver === 'bridge' ? (ways.Icc ? 'reached' : 'not reached') : ''],
          ['Created', network.Created ? new Date(network.Created).toLocaleString() : ''],
          ['Options', pairs(network.Options)],
          ['Labels', pairs(network.Labels)],
        ]}
      />
      <h2>Containers</h2>
      {members.length === 0 && <p class="waiting">None is on it.</p>}
      {members.length > 0 && (
        <Table
          caption="Containers on the network"
          columns={['Name', 'Address', 'Interface on the host', 'Ports']}
          actions
          rows={members}
        >
          {(one) => (
            <tr key={one.Id}>
              <th scope="row">
                <a href={link('containers', one.Id.slice(0, 12))}>{visible(nameOf(one))}</a>
              </th>
              <td data-title="Address">
                {one.State === 'running' ? addressesIn(one, network.Id).join(' ') : one.State}
              </td>
              <td data-title="Interface">{ends.get(one.Id)?.HostInterface ?? ''}</td>
              <td data-title="Ports" class="ports">
                {portsOf(one).map((port) => (
                  <span key={port}>{port}</span>
                ))}
              </td>
              <td>{network.Driver !== 'host' && <Disconnect network={network} container={one} />}</td>
            </tr>
          )}
        </Table>
      )}
    </>
  );
}

function Disconnect({ network, container }: { network: Network; container: Container }) {
  const [busy, setBusy] = useState(false);
  const name = nameOf(container);
  const disconnect = async (): Promise<void> => {
    setBusy(true);
    const path = `/networks/${network.Id}/disconnect` as '/networks/{id}/disconnect';
    await attempt(
      () => call<'NetworkDisconnect'>('POST', path, { body: { Container: container.Id, Force: false } }),
      `${name} is no longer on ${network.Name}`,
    );
    setBusy(false);
  };
  return (
    <button
      type="button"
      disabled={busy}
      aria-label={`disconnect ${visible(name)}`}
      onClick={() => void disconnect()}
    >
      disconnect
    </button>
  );
}

function RemoveNetwork({ network, onClose }: { network: Network; onClose: () => void }) {
  const path = `/networks/${network.Id}` as '/networks/{id}';
  const remove = async (): Promise<void> => {
    await call<'NetworkDelete'>('DELETE', path);
    done(`network ${network.Name} removed`);
  };
  return (
    <Ask
      title={`Remove network ${visible(network.Name)}?`}
      verb="Remove"
      danger
      work={remove}
      onClose={onClose}
      onDone={() => location.assign('#/networks')}
    >
      <p>The engine refuses while a running container is on it.</p>
    </Ask>
  );
}
