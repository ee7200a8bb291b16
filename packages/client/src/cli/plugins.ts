import { spawn } from 'node:child_process';
import { accessSync, constants, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CliError } from '../base/errors.ts';
import { defaultHost } from '../transport/endpoint.ts';
import type { Cli } from './cli.ts';

/** Folders in which Docker's client looks for plugins, first hit wins. */
function pluginFolders(cli: Cli): string[] {
  const extra = cli.config().data['cliPluginsExtraDirs'];
  return [
    ...(Array.isArray(extra) ? (extra as string[]) : []),
    join(cli.configFolder, 'cli-plugins'),
    '/usr/local/lib/docker/cli-plugins',
    '/usr/local/libexec/docker/cli-plugins',
    '/usr/lib/docker/cli-plugins',
    '/usr/libexec/docker/cli-plugins',
  ];
}

/** The names of the plugins installed, for completion. */
export function pluginNames(cli: Cli): string[] {
  const names = new Set<string>();
  for (const folder of pluginFolders(cli))
    try {
      for (const file of readdirSync(folder)) if (file.startsWith('docker-')) names.add(file.slice(7));
    } catch {
      // no such folder
    }
  return [...names];
}

/** The options of TLS that stood before the command, as a plugin takes them. */
function tlsWords(cli: Cli): string[] {
  const { tls, tlsVerify, tlsCaCert, tlsCert, tlsKey, debug } = cli.options;
  return [
    ...(debug ? ['--debug'] : []),
    ...(tls ? ['--tls'] : []),
    ...(tlsVerify ? ['--tlsverify'] : []),
    ...(tlsCaCert ? ['--tlscacert', tlsCaCert] : []),
    ...(tlsCert ? ['--tlscert', tlsCert] : []),
    ...(tlsKey ? ['--tlskey', tlsKey] : []),
  ];
}

/**
 * Runs a plugin of Docker's client (`compose`, `buildx`) against this client's daemon, and ends with its exit code.
 * False when there is no such plugin.
 */
export async function runPlugin(cli: Cli, name: string, args: readonly string[]): Promise<boolean> {
  if (!/^[a-z][a-z0-9-]*$/.test(name)) return false;
  const file = pluginFolders(cli)
    .map((folder) => join(folder, `docker-${name}`))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
  if (!file) return false;
  const endpoint = await cli.endpoint();
  const child = spawn(file, [...tlsWords(cli), name, ...args], {
    stdio: 'inherit',
    env: {
      ...cli.env,
      DOCKER_HOST: endpoint.host || defaultHost,
      // The program beside the folder of this script; plugins call it, and show it in their help.
      DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND: join(dirname(dirname(process.argv[1] ?? '')), 'berth'),
      ...(cli.options.config ? { DOCKER_CONFIG: cli.options.config } : {}),
    },
  });
  // The terminal sends them to the plugin as well; it decides when to end.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const)
    process.on(signal, () => signal !== 'SIGINT' && child.kill(signal));
  const code = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status, signal) => resolve(status ?? (signal ? 130 : 1)));
  });
  if (code) throw new CliError('', code);
  return true;
}
