import { messageOf } from '../../base/errors.ts';
import { atMost, command } from '../../cli/command.ts';
import { eraseCredentials, hostOf, hubKey } from '../../config/credentials.ts';

export default command({
  use: '[SERVER]',
  about: 'Log out of a registry',
  more: 'Without a server it is Docker Hub.',
  args: atMost(1),
  flags: {},
  async run({ cli, args }) {
    const server = args[0] || hubKey;
    const isHub = server === hubKey;
    const host = isHub ? server : hostOf(server);
    // Older clients stored credentials under any of these.
    const names = isHub ? [server] : [...new Set([server, host, `http://${host}`, `https://${host}`])];
    cli.print(`Removing login credentials for ${host}\n`);
    const failures: string[] = [];
    for (const name of names)
      try {
        await eraseCredentials(cli.config(), name);
      } catch (error) {
        failures.push(`${name}: ${messageOf(error)}\n`);
      }
    // One that went is enough: the others were never there.
    if (failures.length === names.length)
      cli.warn(`WARNING: could not erase credentials:\n${failures.join('')}`);
  },
});
