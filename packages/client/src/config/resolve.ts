import { join } from 'node:path';
import { CliError } from '../base/errors.ts';
import { defaultHost, type Endpoint, parseHost, type TlsFiles } from '../transport/endpoint.ts';
import { ConfigFile } from './file.ts';
import type { Invocation } from './invocation.ts';

/** How the context in use was chosen, and which it is. `default` stands for the host from options or environment. */
export function currentContext(cli: Invocation): string {
  const { options, env } = cli;
  if (options.context !== undefined && options.hosts.length)
    throw new CliError('conflicting options: either specify --host or --context, not both');
  if (options.context !== undefined) return options.context || 'default';
  if (options.hosts.length) return 'default';
  if (hostVariable(cli)) return 'default';
  const wished = env['BERTH_CONTEXT'] || env['DOCKER_CONTEXT'];
  if (wished) return wished;
  return ConfigFile.load(cli.contextFolder, () => undefined).data.currentContext || 'default';
}

/** BERTH_HOST, or DOCKER_HOST as Docker's client reads it. */
export function hostVariable(cli: Invocation): string {
  return cli.env['BERTH_HOST'] || cli.env['DOCKER_HOST'] || '';
}

/** The TLS files of the options and of DOCKER_CERT_PATH, or nothing when TLS is not asked for. */
export function tlsOptions(cli: Invocation): TlsFiles | undefined {
  const { options, env } = cli;
  const verify = options.tlsVerify || Boolean(env['DOCKER_TLS_VERIFY'] || env['BERTH_TLS_VERIFY']);
  const wanted = verify || options.tls || Boolean(env['DOCKER_TLS']);
  if (!wanted) return undefined;
  const folder = env['DOCKER_CERT_PATH'] || cli.configFolder;
  const optional = (file: string | undefined, name: string): string | undefined => file ?? join(folder, name);
  return {
    ca: optional(options.tlsCaCert, 'ca.pem'),
    cert: optional(options.tlsCert, 'cert.pem'),
    key: optional(options.tlsKey, 'key.pem'),
    verify,
  };
}

/** The daemon to speak to: --context, then --host, BERTH_HOST, DOCKER_HOST, the chosen context, the default socket. */
export async function resolveEndpoint(cli: Invocation): Promise<Endpoint> {
  const name = currentContext(cli);
  if (name === 'default') {
    if (cli.options.hosts.length > 1) throw new CliError('specify only one -H');
    const host = cli.options.hosts[0] ?? hostVariable(cli);
    return parseHost(host || defaultHost, await existing(tlsOptions(cli), cli));
  }
  const { ContextStore } = await import('./context.ts');
  return new ContextStore(cli.contextFolder, cli.configFolder).endpoint(name);
}

/** Without --tlsverify, files that do not exist and were not named are not needed. */
async function existing(tls: TlsFiles | undefined, cli: Invocation): Promise<TlsFiles | undefined> {
  if (!tls) return undefined;
  const { existsSync } = await import('node:fs');
  const keep = (file: TlsFiles['ca'], named: string | undefined) =>
    named !== undefined || (typeof file === 'string' && existsSync(file)) ? file : undefined;
  return {
    verify: tls.verify,
    ca: tls.verify ? tls.ca : keep(tls.ca, cli.options.tlsCaCert),
    cert: keep(tls.cert, cli.options.tlsCert),
    key: keep(tls.key, cli.options.tlsKey),
  };
}
