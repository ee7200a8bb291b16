import { posix } from 'node:path';
import { invalidParameter } from '../base/errors.ts';

/** One `--mount` of a RUN. */
export interface Mounts {
  type: 'bind' | 'cache' | 'tmpfs' | 'secret' | 'ssh';
  from: string;
  source: string;
  target: string;
  readonly: boolean;
  id: string;
  required: boolean;
  mode: number;
  uid: number;
  gid: number;
  size: string;
  sharing: 'shared' | 'private' | 'locked';
  env: string;
}

const types = ['bind', 'cache', 'tmpfs', 'secret', 'ssh'];
/** Options that mean `true` when they stand alone. */
const switches = new Set(['ro', 'readonly', 'rw', 'readwrite', 'required']);
const keys = new Set(
  'type from source src target dst destination id sharing size mode uid gid env'
    .split(' ')
    .concat(...switches),
);

/** Parses a mount's comma-separated options (Dockerfile reference, `RUN --mount`). @throws invalid-parameter. */
export function parseMount(text: string, workdir: string): Mounts {
  const options = new Map<string, string>();
  for (const field of text.split(',')) {
    const equals = field.indexOf('=');
    const key = (equals < 0 ? field : field.slice(0, equals)).trim().toLowerCase();
    if (equals < 0 && !switches.has(key))
      throw invalidParameter(`invalid field '${field}' must be a key=value pair`);
    if (!keys.has(key)) throw invalidParameter(`unexpected key '${key}' in '${field}'`);
    options.set(key, equals < 0 ? 'true' : field.slice(equals + 1));
  }
  const take = (...names: string[]) => {
    for (const name of names) {
      const value = options.get(name);
      if (value !== undefined) {
        for (const other of names) options.delete(other);
        return value;
      }
    }
    return undefined;
  };
  const flag = (value: string | undefined, byDefault: boolean) =>
    value === undefined ? byDefault : !['false', '0', ''].includes(value.toLowerCase());
  const type = (take('type') ?? 'bind') as Mounts['type'];
  if (!types.includes(type)) throw invalidParameter(`unsupported mount type "${type}"`);
  const writable = take('rw', 'readwrite');
  const readonly = take('ro', 'readonly');
  const secret = type === 'secret' || type === 'ssh';
  const source = take('source', 'src') ?? '';
  const target = take('target', 'dst', 'destination');
  const id =
    take('id') ??
    (type === 'secret' ? posix.basename(source || target || '') : type === 'ssh' ? 'default' : '');
  if (type === 'secret' && id === '')
    throw invalidParameter('invalid secret mount. one of source, target required');
  const env = take('env') ?? '';
  if (!target && !secret)
    throw invalidParameter(
      type === 'cache' ? 'invalid mount target "/"' : `invalid mount: target is required for ${type}`,
    );
  const mount: Mounts = {
    type,
    from: take('from') ?? '',
    source,
    target: target
      ? posix.resolve(workdir, target)
      : type === 'ssh'
        ? '/run/buildkit/ssh_agent.0'
        : env !== ''
          ? ''
          : `/run/secrets/${id}`,
    readonly: type === 'bind' ? !flag(writable, false) : flag(readonly, false),
    id,
    required: flag(take('required'), false),
    mode: Number.parseInt(take('mode') ?? (type === 'secret' ? '0400' : type === 'ssh' ? '0600' : '0755'), 8),
    uid: Number(take('uid') ?? 0),
    gid: Number(take('gid') ?? 0),
    size: take('size') ?? '',
    sharing: (take('sharing') ?? 'shared') as Mounts['sharing'],
    env,
  };
  if (!['shared', 'private', 'locked'].includes(mount.sharing))
    throw invalidParameter(`unsupported sharing value "${mount.sharing}"`);
  return mount;
}
