import { readFileSync } from 'node:fs';
import { CliError, messageOf } from '../base/errors.ts';
import { custom, parseBool } from '../base/flags.ts';
import type { Cli } from '../cli/cli.ts';
import {
  type Context,
  type ContextEndpoint,
  ContextStore,
  defaultContext,
  type TlsMaterial,
} from '../config/context.ts';
import { hostVariable, tlsOptions } from '../config/resolve.ts';
import { csvFields, cut } from '../parse/csv.ts';
import { defaultHost, parseHost } from '../transport/endpoint.ts';

export const defaultDescription = 'Current DOCKER_HOST based configuration';

/** The store of this client's contexts; those of Docker's client are seen as well. */
export const contextStore = (cli: Cli): ContextStore => new ContextStore(cli.contextFolder, cli.configFolder);

/** The context called `default`: the host of options and environment. */
export function defaultAsContext(cli: Cli): Context {
  const tls = tlsOptions(cli);
  return {
    Name: defaultContext,
    Metadata: {},
    Endpoints: {
      docker: {
        Host: cli.options.hosts[0] ?? (hostVariable(cli) || defaultHost),
        SkipTLSVerify: tls !== undefined && !tls.verify,
      },
    },
  };
}

/** `--docker host=...,ca=...`, as pflag reads pairs. */
export const dockerFlag = custom<Record<string, string>>(
  'stringToString',
  '',
  'How to reach the daemon',
  {},
  (raw, before, given) => {
    const pairs: Record<string, string> = given ? { ...before } : {};
    for (const field of raw.split('=').length === 2 ? [raw.replace(/^"|"$/g, '')] : csvFields(raw)) {
      const [name, value] = cut(field, '=');
      if (value === undefined) throw new Error(`${field} must be formatted as key=value`);
      pairs[name] = value;
    }
    return pairs;
  },
  '[]',
);

/** The help's text about `--docker`. */
export const dockerFlagHelp = `What --docker takes, separated by commas:

from                The context to take the endpoint of
host                The daemon: unix://, tcp:// or ssh://
ca                  Trust only certificates signed by this CA
cert                Certificate of this client
key                 Key of this client
skip-tls-verify     Do not verify the daemon's certificate`;

const keys = new Set(['from', 'host', 'ca', 'cert', 'key', 'skip-tls-verify']);

/** The endpoint that `--docker` describes, with the contents of its files. Throws CliError with Docker's reason. */
export function endpointOf(
  store: ContextStore,
  pairs: Readonly<Record<string, string>>,
): { endpoint: ContextEndpoint; tls: TlsMaterial } {
  const wrong = (reason: string): CliError =>
    new CliError(`unable to create docker endpoint config: ${reason}`);
  for (const name of Object.keys(pairs)) if (!keys.has(name)) throw wrong(`${name}: unrecognized config key`);
  const { from } = pairs;
  if (from !== undefined) {
    const source = store.get(from).Endpoints['docker'];
    if (!source) throw wrong(`context ${JSON.stringify(from)} has no docker endpoint`);
    return { endpoint: source, tls: store.tls(from)['docker'] ?? {} };
  }
  const tls: TlsMaterial = {};
  for (const name of ['ca', 'cert', 'key'] as const) {
    const path = pairs[name];
    if (!path) continue;
    try {
      tls[`${name}.pem`] = readFileSync(path);
    } catch (error) {
      const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
      throw wrong(missing ? `open ${path}: no such file or directory` : messageOf(error));
    }
  }
  if (tls['ca.pem'] && !tls['ca.pem'].includes('-----BEGIN CERTIFICATE-----'))
    throw wrong('invalid docker endpoint options: failed to retrieve context tls info: ca.pem seems invalid');
  let skip = false;
  try {
    if (pairs['skip-tls-verify'] !== undefined) skip = parseBool(pairs['skip-tls-verify']);
  } catch (error) {
    throw wrong(`skip-tls-verify: ${messageOf(error)}`);
  }
  const host = pairs['host'] ?? '';
  try {
    parseHost(host);
  } catch (error) {
    throw new CliError(`invalid docker endpoint options: ${messageOf(error)}`);
  }
  return { endpoint: { ...(host ? { Host: host } : {}), SkipTLSVerify: skip }, tls };
}
