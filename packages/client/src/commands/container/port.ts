import { CliError, messageOf } from '../../base/errors.ts';
import { parseInteger } from '../../base/flags.ts';
import { between, command } from '../../cli/command.ts';
import { naturalCompare } from '../../format/natural.ts';
import { cut } from '../../parse/csv.ts';

interface Binding {
  HostIp: string;
  HostPort: string;
}

const address = ({ HostIp, HostPort }: Binding): string =>
  HostIp.includes(':') ? `[${HostIp}]:${HostPort}` : `${HostIp}:${HostPort}`;

export default command({
  use: 'CONTAINER [PRIVATE_PORT[/PROTO]]',
  about: 'Show where the ports of a container are published',
  aliases: ['berth container port', 'berth port'],
  args: between(1, 2),
  flags: {},
  async run({ cli, args }) {
    const api = await cli.api();
    const { NetworkSettings } = await api.json<'ContainerInspect'>('GET', `/containers/${args[0]}/json`);
    const print = (lines: string[]): void =>
      cli.print(
        lines
          .sort(naturalCompare)
          .map((line) => `${line}\n`)
          .join(''),
      );
    const ports = NetworkSettings.Ports ?? {};
    const wanted = args[1];
    if (wanted !== undefined) {
      const [port, proto] = cut(wanted, '/');
      try {
        parseInteger(port.replace(/^0+(?=\d)/, ''), 'ParseUint', 16);
      } catch (error) {
        throw new CliError(`Error: invalid port (${port}): ${messageOf(error)}`);
      }
      const bindings = ports[`${port}/${proto || 'tcp'}`];
      if (!bindings) throw new CliError(`Error: No public port '${wanted}' published for ${args[0]}`);
      print(bindings.map(address));
      return;
    }
    print(
      Object.entries(ports).flatMap(([name, list]) =>
        (list ?? []).map((one) => `${name} -> ${address(one)}`),
      ),
    );
  },
});
