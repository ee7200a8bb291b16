import { CliError } from '../../base/errors.ts';
import { list, string, strings } from '../../base/flags.ts';
import { command, exactly } from '../../cli/command.ts';
import { cut } from '../../parse/csv.ts';
import { checkLink } from '../../parse/hosts.ts';

export default command({
  use: '[OPTIONS] NETWORK CONTAINER',
  about: 'Connect a container to a network',
  args: exactly(2),
  flags: {
    alias: strings('', 'One more name of the container in this network'),
    'driver-opt': strings('', 'Option for the driver of the network'),
    ip: string('', 'IPv4 address (e.g., "172.30.100.104")'),
    ip6: string('', 'IPv6 address (e.g., "2001:db8::33")'),
    link: list('', 'Link to another container', checkLink),
    'link-local-ip': strings('', 'Link-local address of the container'),
  },
  async run({ cli, flags, args }) {
    const [network, container] = args;
    const driverOptions: Record<string, string> = {};
    for (const option of flags['driver-opt']) {
      const [name, value] = cut(option, '=');
      if (!name || value === undefined) throw new CliError('invalid key/value pair format in driver options');
      driverOptions[name.trim()] = value.trim();
    }
    const api = await cli.api();
    await api.done<'NetworkConnect'>('POST', `/networks/${network}/connect`, {
      body: {
        Container: container,
        EndpointConfig: {
          IPAMConfig: { IPv4Address: flags.ip, IPv6Address: flags.ip6, LinkLocalIPs: flags['link-local-ip'] },
          Links: flags.link,
          Aliases: flags.alias,
          DriverOpts: driverOptions,
        },
      },
    });
  },
});
