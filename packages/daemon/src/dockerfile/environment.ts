import type { ImageRunConfig } from './types.ts';
import type { Lookup } from './words.ts';

/** The value of NAME in a list of NAME=VALUE. */
function envValue(env: string[] | undefined, name: string): string | undefined {
  const found = env?.findLast((entry) => entry.startsWith(`${name}=`));
  return found?.slice(name.length + 1);
}

/** The places of names in a list of NAME=VALUE: an image may have one twice. */
interface Places {
  first: Map<string, number>;
  last: Map<string, number>;
  /** The length of the list that they are of. */
  length: number;
}

/** The places of lists that were looked at: a file of thousands of ENV would have each of them read the whole list again. */
const places = new WeakMap<readonly string[], Places>();

const nameOf = (entry: string): string => {
  const equals = entry.indexOf('=');
  return equals < 0 ? entry : entry.slice(0, equals);
};

function note(to: Places, name: string): void {
  if (!to.first.has(name)) to.first.set(name, to.length);
  to.last.set(name, to.length);
  to.length += 1;
}

function placesIn(env: readonly string[]): Places {
  const known = places.get(env);
  if (known?.length === env.length) return known;
  const found: Places = { first: new Map(), last: new Map(), length: 0 };
  for (const entry of env) note(found, nameOf(entry));
  places.set(env, found);
  return found;
}

/** Looks variables up in a configuration's environment as it is at that time. */
export function variablesOf(config: ImageRunConfig): Lookup {
  return (name) => {
    const env = config.Env ?? [];
    const at = placesIn(env).last.get(name);
    return at === undefined ? undefined : env[at]!.slice(name.length + 1);
  };
}

/** The list with each NAME=VALUE in the place of its former value, or at the end. */
export function setEnv(
  env: readonly string[] | undefined,
  pairs: Iterable<[name: string, value: string]>,
): string[] {
  const before = env ?? [];
  const kept = before.slice();
  const found = placesIn(before);
  for (const [name, value] of pairs) {
    const at = found.first.get(name);
    if (at !== undefined) kept[at] = `${name}=${value}`;
    else {
      kept.push(`${name}=${value}`);
      note(found, name);
    }
  }
  // They go on with the new list; the old one is seldom looked at again.
  places.delete(before);
  places.set(kept, found);
  return kept;
}

const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Every stage has a PATH: the usual one where its base has none. */
export function withPath(config: ImageRunConfig): ImageRunConfig {
  if (envValue(config.Env ?? [], 'PATH') === undefined)
    config.Env = setEnv(config.Env, [['PATH', DEFAULT_PATH]]);
  return config;
}

/** The shell that runs shell forms. */
export const shellOf = (config: ImageRunConfig) => config.Shell ?? ['/bin/sh', '-c'];
