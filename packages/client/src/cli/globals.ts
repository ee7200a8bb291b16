import { CliError } from '../base/errors.ts';
import { bool, list, parseFlags, string } from '../base/flags.ts';
import type { GlobalOptions } from '../config/invocation.ts';

/** The options before the command. */
export const globalFlags = {
  config: string('', 'Folder of the client configuration', { shown: '"~/.docker"' }),
  context: string(
    'c',
    'Context whose daemon to use; wins over BERTH_HOST, DOCKER_HOST and "berth context use"',
  ),
  debug: bool('D', 'Show what is asked of the daemon'),
  help: bool('', 'Show this help'),
  host: list('H', 'Daemon to connect to: unix://, tcp:// or ssh://'),
  'log-level': string(
    'l',
    'How much the client says about its own work ("debug", "info", "warn", "error", "fatal")',
    {
      initial: 'info',
    },
  ),
  tls: bool('', 'Use TLS; implied by --tlsverify'),
  tlscacert: string('', 'Trust only certificates signed by this CA', { shown: '"~/.docker/ca.pem"' }),
  tlscert: string('', 'Certificate of this client', { shown: '"~/.docker/cert.pem"' }),
  tlskey: string('', 'Key of this client', { shown: '"~/.docker/key.pem"' }),
  tlsverify: bool('', 'Use TLS and verify the daemon'),
  version: bool('v', 'Print the version and quit'),
};

export interface TopLevel {
  options: GlobalOptions;
  rest: readonly string[];
  help: boolean;
  version: boolean;
}

const levels = new Set(['trace', 'debug', 'info', 'warn', 'warning', 'error', 'fatal', 'panic']);

/** Splits the command line into the options before the command and the command with all after it. */
export function parseGlobals(argv: readonly string[]): TopLevel {
  if (argv[0] !== undefined && argv[0][0] !== '-')
    return {
      options: { debug: false, hosts: [], logLevel: 'info', tls: false, tlsVerify: false },
      rest: argv,
      help: false,
      version: false,
    };
  const { flags, given, args, help } = parseFlags(globalFlags, argv, false);
  const named = (name: 'config' | 'context' | 'tlscacert' | 'tlscert' | 'tlskey') =>
    given.has(name) ? flags[name] : undefined;
  if (!levels.has(flags['log-level']))
    throw new CliError(`Unable to parse logging level: ${flags['log-level']}`);
  return {
    options: {
      config: named('config'),
      context: named('context'),
      debug: flags.debug || flags['log-level'] === 'debug' || flags['log-level'] === 'trace',
      hosts: flags.host,
      logLevel: flags['log-level'],
      tls: flags.tls,
      // `--tlsverify=false` asks for TLS without verification, as Docker reads it.
      tlsVerify: flags.tlsverify,
      tlsCaCert: named('tlscacert'),
      tlsCert: named('tlscert'),
      tlsKey: named('tlskey'),
    },
    rest: args,
    help: help || flags.help,
    version: flags.version,
  };
}
