import { useState } from 'preact/hooks';
import { call } from '../../api/requests.ts';
import { visible } from '../../base/text.ts';
import { useValue } from '../../base/use-value.ts';
import { engine, type Network } from '../../store/engine.ts';
import { Ask } from '../../widgets/ask.tsx';
import { Dialog } from '../../widgets/dialog.tsx';
import { Field } from '../../widgets/field.tsx';
import { done } from '../../widgets/notices.tsx';
import { nameOf } from '../containers/actions.tsx';
import { placeIn } from './places.ts';

/** The form that connects a container to a network. */
export function ConnectContainer({ network, onClose }: { network: Network; onClose: () => void }) {
  const containers = useValue(engine.containers);
  const [id, setId] = useState('');
  const [address, setAddress] = useState('');
  const [alias, setAlias] = useState('');
  const others = [...(containers?.values() ?? [])]
    .filter((one) => !placeIn(one, network.Id))
    .sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
  const chosen = others.find((one) => one.Id === id) ?? others[0];
  const title = `Connect a container to ${visible(network.Name)}`;
  if (!chosen)
    return (
      <Dialog title={title} onClose={onClose}>
        <p>Every container is on it.</p>
      </Dialog>
    );
  const connect = async (): Promise<void> => {
    const ip = address.trim();
    const aliases = alias.split(/[\s,]+/).filter(Boolean);
    await call<'NetworkConnect'>('POST', `/networks/${network.Id}/connect` as '/networks/{id}/connect', {
      body: {
        Container: chosen.Id,
        EndpointConfig: {
          ...(ip && { IPAMConfig: ip.includes(':') ? { IPv6Address: ip } : { IPv4Address: ip } }),
          ...(aliases.length > 0 && { Aliases: aliases }),
        },
      },
    });
    done(`${nameOf(chosen)} is on ${network.Name}`);
  };
  return (
    <Ask title={title} verb="Connect" work={connect} onClose={onClose}>
      <label class="field">
        Container
        <select value={chosen.Id} onChange={({ currentTarget }) => setId(currentTarget.value)}>
          {others.map((one) => (
            <option key={one.Id} value={one.Id}>
              {visible(nameOf(one))}
            </option>
          ))}
        </select>
      </label>
      <Field label="Address" value={address} onValue={setAddress} placeholder="chosen by the engine" />
      <Field label="Other names of it" value={alias} onValue={setAlias} placeholder="db, database" />
    </Ask>
  );
}
