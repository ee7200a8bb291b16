import { readFileSync } from 'node:fs';
import type { ResponseOf } from '@berth/api-spec';
import { CliError, Interrupted, messageOf } from '../../base/errors.ts';
import { bool, string } from '../../base/flags.ts';
import type { Cli } from '../../cli/cli.ts';
import { atMost, command } from '../../cli/command.ts';
import {
  type AuthConfig,
  getCredentials,
  hostOf,
  hubKey,
  storeCredentials,
} from '../../config/credentials.ts';
import { readByte, readLine } from '../../shared/prune.ts';

export default command({
  use: '[OPTIONS] [SERVER]',
  about: 'Log in to a registry',
  more: 'Without a server it is Docker Hub.',
  args: atMost(1),
  flags: {
    password: string('p', 'Password; others on this machine can see it'),
    'password-stdin': bool('', 'Read the password from standard input'),
    username: string('u', 'User name'),
  },
  async run({ cli, flags, args }) {
    const password = passwordOf(cli, flags);
    const [server] = args;
    const isHub = !server || server === 'docker.io';
    const address = isHub ? hubKey : hostOf(server);
    const config = cli.config();
    const api = await cli.api();
    const login = (auth: AuthConfig): Promise<ResponseOf<'SystemAuth'>> =>
      api.json<'SystemAuth'>('POST', '/auth', { body: auth });

    // Stored credentials of the registry are tried first, unless the user named an account.
    const stored: AuthConfig =
      flags.username || password ? {} : await getCredentials(config, address).catch(() => ({}));
    let auth: AuthConfig = { ...stored, serveraddress: address };
    let answer: ResponseOf<'SystemAuth'> | undefined;
    if (auth.username && auth.password) {
      cli.print('Authenticating with existing credentials...\n');
      answer = await login(auth).catch(async (error: unknown) => {
        cli.warn(`Login did not succeed, error: ${messageOf(error)}\n`);
        return undefined;
      });
    }
    if (!answer) {
      auth = {
        ...askFor(cli, flags.username, password, stored.username ?? '', isHub),
        serveraddress: address,
      };
      answer = await login(auth);
    }
    if (answer.IdentityToken) auth = { ...auth, password: '', identitytoken: answer.IdentityToken };
    await keep(cli, auth);
    if (answer.Status) cli.print(`${answer.Status}\n`);
  },
});

/** The password of the flags, empty when there is none yet. */
function passwordOf(
  cli: Cli,
  flags: { password: string; 'password-stdin': boolean; username: string },
): string {
  if (flags.password) {
    cli.warn('WARNING! Using --password via the CLI is insecure. Use --password-stdin.\n');
    if (flags['password-stdin']) throw new CliError('--password and --password-stdin are mutually exclusive');
  }
  if (!flags['password-stdin']) return flags.password;
  if (!flags.username) throw new CliError('Must provide --username with --password-stdin');
  return readFileSync(0, 'utf8').replace(/\n$/, '').replace(/\r$/, '');
}

/** Asks for what is missing. Throws CliError when it cannot be had. */
function askFor(cli: Cli, user: string, given: string, last: string, isHub: boolean): AuthConfig {
  if (!given && !cli.stdinIsTerminal)
    throw new CliError('Error: Cannot perform an interactive login from a non TTY device');
  let username = user.trim();
  if (!username) {
    if (isHub)
      cli.print(
        "Log in with your Docker ID or email address to push and pull images from Docker Hub. If you don't have a Docker ID, head over to https://hub.docker.com/ to create one.\n",
      );
    cli.print(last ? `Username (${last}): ` : 'Username: ');
    username = readLine().trim() || last;
  }
  if (!username) throw new CliError('Error: Non-null Username Required');
  let password = given;
  if (!password) {
    cli.print('Password: ');
    password = readSecret();
    cli.print('\n');
    if (!password) throw new CliError('Error: Password Required');
  }
  return { username, password };
}

/** A line of the terminal that is not shown while it is typed. Throws Interrupted on Ctrl-C. */
function readSecret(): string {
  process.stdin.setRawMode(true);
  try {
    return rawLine();
  } finally {
    process.stdin.setRawMode(false);
  }
}

/** Reads by bytes: in raw mode the terminal neither ends lines nor heeds Ctrl-C nor deletes. */
function rawLine(): string {
  const typed: number[] = [];
  for (;;) {
    const byte = readByte();
    switch (byte) {
      case undefined:
      case 4:
      case 10:
      case 13:
        return Buffer.from(typed).toString();
      case 3:
        throw new Interrupted();
      case 8:
      case 127: {
        // A character may be several bytes.
        let last = typed.pop();
        while (last !== undefined && (last & 0xc0) === 0x80) last = typed.pop();
        break;
      }
      case 21:
        typed.length = 0;
        break;
      default:
        typed.push(byte);
    }
  }
}

/** Keeps what was used to log in; says so when it lies in the file as it is. */
async function keep(cli: Cli, auth: AuthConfig): Promise<void> {
  const config = cli.config();
  let plain: boolean;
  try {
    plain = await storeCredentials(config, auth);
  } catch (error) {
    const text = messageOf(error);
    throw new CliError(
      text.startsWith('Error saving credentials') ? text : `Error saving credentials: ${text}`,
    );
  }
  if (plain && auth.password)
    cli.warn(
      `WARNING! Your password will be stored unencrypted in ${config.path}.\nConfigure a credential helper to remove this warning. See\nhttps://docs.docker.com/engine/reference/commandline/login/#credentials-store\n\n`,
    );
}
