import { readdirSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { readBounded } from '../../../base/files/bounded-file.ts';
import { parseJson } from '../../../base/go-json.ts';

/** One plugin of a list; members that we do not name are the plugin's. */
export interface PluginConfig {
  type: string;
  capabilities?: Record<string, boolean>;
  [member: string]: unknown;
}

/** A network of CNI: a list of plugins, each of which gets the result of the one before. */
export interface NetworkList {
  cniVersion: string;
  name: string;
  disableCheck?: boolean;
  plugins: PluginConfig[];
}

const ENDINGS = ['.conf', '.conflist', '.json'];
const SIZE_MAX = 1024 * 1024;

/**
 * The network that a folder of configurations names: that of the first file, by name, which is one.
 * @returns undefined when there is none; `problem` says what is wrong with those that are there
 */
export function findNetwork(folder: string): { network?: NetworkList; problem: string } {
  let names: string[];
  try {
    names = readdirSync(folder).sort();
  } catch {
    return { problem: `no networks found in ${folder}` };
  }
  const problems: string[] = [];
  for (const name of names) {
    if (!ENDINGS.some((ending) => name.endsWith(ending))) continue;
    const path = join(folder, name);
    try {
      return { network: parseNetwork(readBounded(path, SIZE_MAX).toString()), problem: '' };
    } catch (error) {
      problems.push(`${path}: ${(error as Error).message}`);
    }
  }
  return { problem: problems.join('; ') || `no networks found in ${folder}` };
}

/** @throws Error saying what is wrong */
export function parseNetwork(text: string): NetworkList {
  const parsed = parseJson(text) as Record<string, unknown> | null;
  if (typeof parsed !== 'object' || parsed === null) throw new Error('it holds no object');
  const single = parsed['plugins'] === undefined;
  const plugins = (single ? [parsed] : parsed['plugins']) as PluginConfig[];
  const { name, cniVersion = '0.2.0', disableCheck } = parsed;
  if (typeof name !== 'string' || !/^[a-zA-Z0-9][\w.-]*$/.test(name)) throw new Error('it has no name');
  if (typeof cniVersion !== 'string') throw new Error('cniVersion is no text');
  if (!Array.isArray(plugins) || plugins.length === 0) throw new Error('it has no plugins');
  for (const plugin of plugins)
    if (typeof plugin?.type !== 'string' || !/^\w[\w.-]*$/.test(plugin.type))
      throw new Error('a plugin has no type that is the name of a program');
  return { name, cniVersion, plugins, ...(disableCheck === true && { disableCheck }) };
}

/** The addresses of a plugin's result, in its order, without their prefixes. */
export function addressesOf(result: Record<string, unknown>): string[] {
  const list = (result['ips'] as Array<{ address?: unknown }> | undefined) ?? [];
  // Before version 0.3 there was one of each family.
  const older = [result['ip4'], result['ip6']].map((one) => ({
    address: (one as { ip?: unknown } | undefined)?.ip,
  }));
  return [...list, ...older]
    .map(({ address }) => String(address ?? '').replace(/\/\d+$/, ''))
    .filter((address) => isIP(address) !== 0);
}
