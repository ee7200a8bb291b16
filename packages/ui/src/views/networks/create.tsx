import { useState } from 'preact/hooks';
import { call } from '../../api/requests.ts';
import { Ask } from '../../widgets/ask.tsx';
import { Check } from '../../widgets/check.tsx';
import { Field } from '../../widgets/field.tsx';
import { done } from '../../widgets/notices.tsx';

const DRIVERS = ['bridge', 'macvlan', 'ipvlan'];

/** The form that makes a network. What is left empty the engine chooses. */
export function CreateNetwork({ onClose }: { onClose: () => void }) {
  const [name, setName] = useState('');
  const [driver, setDriver] = useState('bridge');
  const [parent, setParent] = useState('');
  const [subnet, setSubnet] = useState('');
  const [gateway, setGateway] = useState('');
  const [internal, setInternal] = useState(false);
  const [ipv6, setIpv6] = useState(false);
  const create = async (): Promise<void> => {
    const range = { ...(subnet && { Subnet: subnet.trim() }), ...(gateway && { Gateway: gateway.trim() }) };
    await call<'NetworkCreate'>('POST', '/networks/create', {
      body: {
        Name: name,
        Driver: driver,
        Internal: internal,
        EnableIPv6: ipv6,
        ...((subnet || gateway) && { IPAM: { Config: [range] } }),
        ...(driver !== 'bridge' && parent && { Options: { parent: parent.trim() } }),
      },
    });
    done(`network ${name} created`);
  };
  return (
    <Ask title="Create a network" verb="Create" work={create} onClose={onClose}>
      <Field label="Name" value={name} onValue={setName} placeholder="backend" />
      <label class="field">
        Driver
        <select value={driver} onChange={({ currentTarget }) => setDriver(currentTarget.value)}>
          {DRIVERS.map((one) => (
            <option key={one}>{one}</option>
          ))}
        </select>
      </label>
      {driver !== 'bridge' && (
        <Field label="Parent interface of the host" value={parent} onValue={setParent} placeholder="eth0" />
      )}
      <Field
        label="Subnet"
        value={subnet}
        onValue={setSubnet}
        placeholder="chosen by the engine, or 10.1.2.0/24"
      />
      <Field
        label="Gateway"
        value={gateway}
        onValue={setGateway}
        placeholder="the first address of the subnet"
      />
      <Check checked={internal} onChecked={setInternal}>
        Internal: no way out
      </Check>{' '}
      <Check checked={ipv6} onChecked={setIpv6}>
        IPv6, too
      </Check>
    </Ask>
  );
}
