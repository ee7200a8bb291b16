import type { ImageRunConfig } from './types.ts';
import type { Lookup } from './words.ts';

/** The value of NAME in a list of NAME=VALUE. */
function envValue(env: string[] | undefined, name: string): string | undefined {
  const found = env?.findLast((entry) => entry.startsWith(`${name}=`));
  return found?.slice(name.length + 1);
}

/** Looks variables up in a configuration's environment as it is at that time; a list is indexed once. */
export function variablesOf(config: ImageRunConfig): Lookup {
  let indexed: string[] | undefined;
  let values = new Map<string, string>();
  return (name) => {
    if (indexed !== config.Env) {
      indexed = config.Env;
      values = new Map(
        (indexed ?? []).map((entry) => {
          const equals = entry.indexOf('=');
          return equals < 0 ? [entry, ''] : [entry.slice(0, equals), entry.slice(equals + 1)];
        }),
      );
    }
    return values.get(name);
  };
}

/** The list with NAME=VALUE in the place of its former value, or at the end. */
export function setEnv(env: string[] | undefined, name: string, value: string): string[] {
  const kept = (env ?? []).slice();
  const at = kept.findIndex((entry) => entry === name || entry.startsWith(`${name}=`));
  if (at < 0) kept.push(`${name}=${value}`);
  else kept[at] = `${name}=${value}`;
  return kept;
}

const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Every stage has a PATH: the usual one where its base has none. */
export function withPath(config: ImageRunConfig): ImageRunConfig {
  if (envValue(config.Env ?? [], 'PATH') === undefined) config.Env = setEnv(config.Env, 'PATH', DEFAULT_PATH);
  return config;
}

/** The shell that runs shell forms. */
export const shellOf = (config: ImageRunConfig) => config.Shell ?? ['/bin/sh', '-c'];
