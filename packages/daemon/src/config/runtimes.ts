import type { RuntimeSettings, Settings } from './settings.ts';

/** Berth's own runtime has this name, whatever others are registered. */
export const OWN_RUNTIME = 'berth';

/** containerd's names of runc: in dockerd's configuration they mean a program of runc's command line. */
export const STOCK_TYPES = ['io.containerd.runc.v2', 'io.containerd.runc.v1'];

/** Clients expect this name; it means Berth's own runtime unless somebody registers a program by it. */
export const STOCK_RUNTIME = 'runc';

/** Whether the runtime of containers that name none is there. */
export function knowsRuntime({
  defaultRuntime: name,
  runtimes,
}: Pick<Settings, 'defaultRuntime' | 'runtimes'>) {
  return ['', OWN_RUNTIME, STOCK_RUNTIME, ...STOCK_TYPES].includes(name) || Object.hasOwn(runtimes, name);
}

/**
 * Adds a `NAME=PATH` of `--add-runtime`, by dockerd's rules.
 * @throws Error saying what is wrong
 */
export function addRuntime(
  before: Record<string, RuntimeSettings> | undefined,
  text: string,
): Record<string, RuntimeSettings> {
  const equals = text.indexOf('=');
  const name = text.slice(0, Math.max(equals, 0)).trim().toLowerCase();
  const path = text.slice(equals + 1).trim();
  if (name === '' || path === '') throw new Error(`invalid runtime argument: ${text}`);
  if (name === OWN_RUNTIME) throw new Error(`runtime name '${name}' is reserved`);
  if (before && name in before) throw new Error(`runtime '${name}' was already defined`);
  return { ...before, [name]: { path, runtimeArgs: [] } };
}

/**
 * The configuration file's `runtimes`.
 * @throws Error naming the runtime and what is wrong with it
 */
export function readRuntimes(value: object): Record<string, RuntimeSettings> {
  return Object.fromEntries(Object.entries(value).map(([name, entry]) => [name, readRuntime(name, entry)]));
}

function readRuntime(name: string, entry: unknown): RuntimeSettings {
  const wrong = (why: string) => new Error(`runtime ${name}: ${why}`);
  if (name === '') throw new Error('runtimes has an entry without a name');
  if (name === OWN_RUNTIME) throw new Error(`runtime name '${name}' is reserved`);
  if (entry === null || typeof entry !== 'object' || Array.isArray(entry)) throw wrong('must be an object');
  const { path, runtimeArgs, runtimeType, options } = entry as Record<string, unknown>;
  const text = (member: string, given: unknown): string => {
    if (given !== undefined && typeof given !== 'string') throw wrong(`${member} must be a string`);
    return given ?? '';
  };
  if (runtimeArgs !== undefined && !(Array.isArray(runtimeArgs) && runtimeArgs.every(isText)))
    throw wrong('runtimeArgs must be a list of strings');
  const args = (runtimeArgs ?? []) as string[];
  const program = text('path', path);
  const type = text('runtimeType', runtimeType);
  if (type === '') {
    if (program === '') throw wrong('either a runtimeType or a path must be configured');
    if (options !== undefined) throw wrong('options cannot be used with a path runtime');
    return { path: program, runtimeArgs: args };
  }
  if (program !== '') throw wrong('cannot configure both path and runtimeType for the same runtime');
  if (args.length > 0) throw wrong('args cannot be used with a runtimeType runtime');
  if (!STOCK_TYPES.includes(type))
    throw wrong(`runtimeType ${type} is not supported: give the path of the OCI runtime's program`);
  return { path: binaryName(options, wrong), runtimeArgs: [] };
}

const isText = (item: unknown): item is string => typeof item === 'string';

/** The program that options of runc's shim name; any other option is refused. */
function binaryName(options: unknown, wrong: (why: string) => Error): string {
  if (options !== undefined && (options === null || typeof options !== 'object' || Array.isArray(options)))
    throw wrong('options must be an object');
  const { BinaryName = 'runc', ...others } = (options ?? {}) as Record<string, unknown>;
  const [other] = Object.keys(others);
  if (other !== undefined) throw wrong(`option ${other} is not supported`);
  if (!isText(BinaryName) || BinaryName === '')
    throw wrong('option BinaryName must be the name of a program');
  return BinaryName;
}
