import { existsSync, readFileSync } from 'node:fs';
import { jsonProblem } from '../base/go-json.ts';
import { parseSize } from '../base/sizes.ts';
import type { Flag } from './flag.ts';
import { FLAGS } from './flags.ts';
import { readRuntimes } from './runtimes.ts';
import { UsageError } from './usage-error.ts';

/**
 * Reads the settings of the configuration file, by flag name; `flags`: those of the command line, which may not say the same again.
 * @throws UsageError naming the file and the key
 */
export function fromFile(path: string, flags: Map<string, unknown>): Map<string, unknown> {
  const found = new Map<string, unknown>();
  const failed = (why: string) =>
    new UsageError(`unable to configure the Berth daemon with file ${path}: ${why}`);
  if (!existsSync(path)) {
    if (flags.has('config-file')) throw failed(`open ${path}: no such file or directory`);
    return found;
  }
  // Lines that begin with // are comments, of which JSON has none: they are blanked, so that positions stay.
  const text = readFileSync(path, 'utf8').replaceAll(/^[ \t]*\/\/.*$/gm, (line) => ' '.repeat(line.length));
  if (text.trim() === '') return found;
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw failed(jsonProblem(text).message);
  }
  if (parsed === null || typeof parsed !== 'object' || Array.isArray(parsed))
    throw failed('the file must hold a JSON object');
  const byKey = new Map<string, Flag>();
  for (const flag of FLAGS) if (!flag.flagOnly) byKey.set(flag.key ?? flag.name, flag);
  const unknown: string[] = [];
  const conflicts: string[] = [];
  for (const [key, value] of Object.entries(parsed)) {
    const flag = byKey.get(key);
    if (!flag) {
      unknown.push(key);
      continue;
    }
    if (flags.has(flag.name))
      conflicts.push(`${key}: (from flag: ${show(flags.get(flag.name))}, from file: ${show(value)})`);
    found.set(flag.name, fileValue(flag, key, value, failed));
  }
  if (unknown.length > 0)
    throw failed(`the following directives don't match any configuration option: ${unknown.join(', ')}`);
  if (conflicts.length > 0)
    throw failed(
      `the following directives are specified both as a flag and in the configuration file: ${conflicts.join(', ')}`,
    );
  return found;
}

/** A value of the file, of the type that its flag has. */
function fileValue(flag: Flag, key: string, value: unknown, failed: (why: string) => Error): unknown {
  const wrong = (want: string) => failed(`${key} must be ${want}`);
  const strings = (list: unknown): list is string[] =>
    Array.isArray(list) && list.every((item) => typeof item === 'string');
  switch (flag.type) {
    case 'boolean':
      if (typeof value !== 'boolean') throw wrong('true or false');
      return value;
    case 'integer':
      if (!Number.isInteger(value)) throw wrong('a whole number');
      return value;
    case 'bytes': {
      const bytes =
        typeof value === 'number' ? value : typeof value === 'string' ? parseSize(value.trim()) : undefined;
      if (bytes === undefined) throw wrong('a size');
      return bytes;
    }
    case 'list':
      if (!strings(value)) throw wrong('a list of strings');
      return value;
    case 'pools': {
      const pools = value as Array<{ base?: unknown; size?: unknown }>;
      if (
        !Array.isArray(pools) ||
        !pools.every(({ base, size }) => typeof base === 'string' && Number.isInteger(size))
      )
        throw wrong('a list of {"base": CIDR, "size": BITS}');
      return pools;
    }
    case 'maps': {
      const isMap = (map: unknown) => map !== null && typeof map === 'object' && !Array.isArray(map);
      if (!isMap(value) || !Object.values(value as object).every(isMap)) throw wrong('an object of objects');
      for (const map of Object.values(value as object))
        if (!strings(Object.values(map))) throw wrong('an object of objects of strings');
      return value;
    }
    case 'runtimes':
      if (value === null || typeof value !== 'object' || Array.isArray(value)) throw wrong('an object');
      try {
        return readRuntimes(value);
      } catch (error) {
        throw failed((error as Error).message);
      }
    case 'ulimits':
    case 'map': {
      if (value === null || typeof value !== 'object' || Array.isArray(value)) throw wrong('an object');
      if (flag.type === 'map') return value;
      const limits = value as Record<string, { Name?: string; Soft?: number; Hard?: number }>;
      return Object.fromEntries(
        Object.entries(limits).map(([name, { Soft, Hard }]) => {
          if (!Number.isInteger(Soft) || !Number.isInteger(Hard))
            throw wrong('objects with Name, Soft and Hard');
          return [name, { Name: name, Soft, Hard }];
        }),
      );
    }
    default:
      if (typeof value !== 'string') throw wrong('a string');
      return value;
  }
}

/** A value as dockerd quotes it beside another. */
function show(value: unknown): string {
  return Array.isArray(value)
    ? `[${value.join(' ')}]`
    : typeof value === 'object'
      ? JSON.stringify(value)
      : `${value}`;
}
