import { parseFlags } from './command-line.ts';
import { DEFAULT_CONFIG_FILE } from './defaults.ts';
import { fromFile } from './file.ts';
import { limitOf } from './flag.ts';
import { FLAGS } from './flags.ts';
import type { Settings } from './settings.ts';
import { settle } from './settle.ts';

/** The parsed command line. */
export interface CommandLine {
  settings: Settings;
  action: 'run' | 'validate' | 'version' | 'help';
  configFile: string;
}

/**
 * Settings from flags, configuration file and defaults.
 * @throws UsageError naming the flag or the key.
 */
export function parseCommandLine(args: string[]): CommandLine {
  const flags = parseFlags(args);
  const action = flags.has('help')
    ? 'help'
    : flags.has('version')
      ? 'version'
      : flags.has('validate')
        ? 'validate'
        : 'run';
  const configFile = (flags.get('config-file') as string | undefined) ?? DEFAULT_CONFIG_FILE;
  const asked =
    action === 'help' || action === 'version' ? new Map<string, unknown>() : fromFile(configFile, flags);
  for (const [name, value] of flags) asked.set(name, value);
  return { settings: settle(asked), action, configFile };
}

/** Reads the configuration file again and takes over what may change while the daemon runs. Returns what it took. */
export function reload(settings: Settings, args: string[]): Record<string, unknown> {
  const { settings: next } = parseCommandLine(args);
  const taken: Record<string, unknown> = {};
  for (const { reload: may, field } of FLAGS) {
    if (!may || field === undefined) continue;
    const key = field as keyof Settings;
    if (JSON.stringify(settings[key]) === JSON.stringify(next[key])) continue;
    Object.assign(settings, { [key]: next[key] });
    taken[key] = next[key];
  }
  return taken;
}

/** The text of `--help`. */
export function usage(): string {
  const lines = FLAGS.map((flag) => {
    const { name, short, type, help } = flag;
    const left = `  ${short ? `-${short}, ` : '    '}--${name}${type === 'boolean' ? '' : ` ${type}`}`;
    const limit = limitOf(flag);
    return `${left.padEnd(42)} ${help}${limit ? ` (limited: ${limit})` : ''}`;
  });
  return `\nUsage:  berthd [OPTIONS]\n\nA container engine that speaks the Docker Engine API.\n\nOptions:\n${lines.join('\n')}\n`;
}
