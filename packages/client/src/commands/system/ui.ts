import { join } from 'node:path';
import { CliError, messageOf } from '../../base/errors.ts';
import { bool, int } from '../../base/flags.ts';
import type { Cli } from '../../cli/cli.ts';
import { command, noArgs } from '../../cli/command.ts';
import { registryAuth } from '../../config/credentials.ts';
import { parseReference } from '../../parse/reference.ts';

export default command({
  use: '[OPTIONS]',
  about: 'Show the engine as a page in the browser',
  more: `Serves a page on this machine's loopback address until it is ended by Ctrl-C: containers with their numbers, logs and
terminals, images, networks as they are wired, volumes, events, explanations and audits. The address that is printed holds a
token which opens the page once; Enter prints another one. The engine is the one that all commands speak to, on this
machine or elsewhere (-H, contexts); it opens no port, and the page speaks to nobody but this program.
To see it on another machine: ssh -L 8080:127.0.0.1:PORT, with --port PORT here.`,
  args: noArgs,
  flags: {
    'no-open': bool('', 'Do not open the browser; print the address alone'),
    port: int('', 'Port of the loopback address; 0 is any that is free'),
  },
  async run({ cli, flags }) {
    const { port } = flags;
    if (port < 0 || port > 65535)
      throw new CliError(`invalid value ${port} for --port: 0 to 65535 are ports`);
    const api = await cli.api();
    // A daemon that is not there is told before a page that shows nothing.
    await api.negotiate();
    const { serveUi } = await import('../../ui/index.ts');
    const ui = await serveUi({ api, folder: join(__dirname, 'ui'), port, headersOf: credentials(cli) }).catch(
      (error: NodeJS.ErrnoException) => {
        if (error.code === 'EADDRINUSE')
          throw new CliError(`port ${port} of 127.0.0.1 is taken: choose another --port, or none`);
        throw new CliError(messageOf(error));
      },
    );
    const address = ui.address();
    cli.print(`${address}\n`);
    await cli.out.flushed();
    const { hasDesktop, openBrowser } = await import('../../ui/open.ts');
    const remove = !flags['no-open'] && hasDesktop(cli.env) ? openBrowser(address, cli.env) : undefined;
    if (cli.stdinIsTerminal) process.stdin.on('data', () => cli.print(`${ui.address()}\n`));
    await new Promise<void>((resolve) => {
      process.once('SIGINT', resolve);
      process.once('SIGTERM', resolve);
      process.once('SIGHUP', resolve);
    });
    remove?.();
    ui.close();
  },
});

/** A pull by the page has the credentials that a pull by this client has; the page never sees them. */
function credentials(cli: Cli) {
  return async (path: string, query: URLSearchParams): Promise<Record<string, string>> => {
    const name = query.get('fromImage');
    if (path !== '/images/create' || !name) return {};
    return { 'X-Registry-Auth': await registryAuth(cli.config(), parseReference(name).domain) };
  };
}
