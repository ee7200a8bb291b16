import { bool, list, map, string, strings } from '../../base/flags.ts';
import { command, exactly } from '../../cli/command.ts';
import { toMap } from '../../parse/environment.ts';
import { ipamConfig } from '../../parse/ipam.ts';

export default command({
  use: '[OPTIONS] NETWORK',
  about: 'Create a network',
  args: exactly(1),
  flags: {
    attachable: bool('', 'Containers can be attached by hand'),
    'aux-address': map('', 'Address in use elsewhere, kept free: name=address', { shown: 'map[]' }),
    'config-from': string('', 'Network whose configuration to copy'),
    'config-only': bool('', 'Create a configuration that other networks copy'),
    driver: string('d', 'Driver of the network', { initial: 'bridge' }),
    gateway: strings('', 'Gateway of the subnet'),
    ingress: bool('', 'Create the routing network of a swarm', { hidden: true }),
    internal: bool('', 'No way out of the network'),
    'ip-range': strings('', 'Part of the subnet that containers get addresses of'),
    'ipam-driver': string('', 'Driver of address management', { initial: 'default' }),
    'ipam-opt': map('', 'Option for the driver of address management', { shown: 'map[]' }),
    ipv6: bool('', 'Enable IPv6'),
    label: list('', 'Label of the network'),
    opt: map('o', 'Option for the driver', { shown: 'map[]' }),
    scope: string('', 'Scope of the network', { hidden: true }),
    subnet: strings('', 'Addresses of the network: address/prefix length'),
  },
  async run({ cli, flags, args }) {
    const configs = ipamConfig(flags.subnet, flags['ip-range'], flags.gateway, flags['aux-address']);
    const from = flags['config-from'];
    const api = await cli.api();
    const created = await api.json<'NetworkCreate'>('POST', '/networks/create', {
      body: {
        Name: args[0],
        CheckDuplicate: true,
        Driver: flags.driver,
        Scope: flags.scope,
        EnableIPv6: flags.ipv6,
        IPAM: { Driver: flags['ipam-driver'], Options: flags['ipam-opt'], Config: configs },
        Internal: flags.internal,
        Attachable: flags.attachable,
        Ingress: flags.ingress,
        ConfigOnly: flags['config-only'],
        ...(from ? { ConfigFrom: { Network: from } } : {}),
        Options: flags.opt,
        Labels: toMap(flags.label),
      },
    });
    if (created.Warning) cli.warn(`WARNING: ${created.Warning}\n`);
    cli.print(`${created.Id}\n`);
  },
});
