import type { ContainerRecord } from '../model/types.ts';

const DEFAULT_PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * The environment of a container's process: defaults, those of a terminal where it has one, then the configuration's
 * variables over them; a name without `=` takes one away.
 */
export function environment(
  { config }: ContainerRecord,
  hostname: string,
  links: readonly string[] = [],
  terminal = config.Tty,
): string[] {
  const variables = new Map<string, string>([
    ['PATH', DEFAULT_PATH],
    ['HOSTNAME', `HOSTNAME=${hostname}`],
  ]);
  if (terminal) variables.set('TERM', 'TERM=xterm');
  overlayEnvironment(variables, [...links]);
  overlayEnvironment(variables, config.Env ?? []);
  return [...variables.values()];
}

/** Puts `NAME=value` entries over a set of variables. */
export function overlayEnvironment(variables: Map<string, string>, entries: string[]): void {
  for (const entry of entries) {
    const equals = entry.indexOf('=');
    if (equals === -1) variables.delete(entry);
    else variables.set(entry.slice(0, equals), entry);
  }
}
