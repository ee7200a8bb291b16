import { subnetFor } from '../addresses/pools.ts';
import type { FirewallNetwork } from '../firewall/state.ts';
import { flag, gatewayMode } from '../kernel.ts';
import type { NetworkRecord } from './records.ts';

/** A bridge network as the firewall has to know it. `icc`: whether containers of the default network may reach each other. */
export function firewallNetwork(record: NetworkRecord, icc: boolean): FirewallNetwork {
  const masquerade = flag(record, 'enable_ip_masquerade', true) && !record.internal;
  const mode4 = gatewayMode(record, 4);
  const mode6 = gatewayMode(record, 6);
  return {
    bridge: record.link,
    subnet4: subnetFor(record, 4)?.subnet ?? '',
    subnet6: subnetFor(record, 6)?.subnet ?? '',
    internal: record.internal,
    icc: flag(record, 'enable_icc', record.name !== 'bridge' || icc),
    masquerade4: masquerade && mode4.startsWith('nat'),
    masquerade6: masquerade && mode6.startsWith('nat'),
    source4: record.options['com.docker.network.host_ipv4'] ?? '',
    source6: record.options['com.docker.network.host_ipv6'] ?? '',
    open4: mode4 === 'nat-unprotected',
    open6: mode6 === 'nat-unprotected',
    routed4: mode4 === 'routed',
    routed6: mode6 === 'routed',
  };
}
