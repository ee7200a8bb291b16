import { normalize } from 'node:path/posix';
import { type BerthError, invalidParameter } from '../../base/errors.ts';
import type { MountPoint, MountSpec } from '../model/types.ts';
import { checkedIdMap, idMapOption } from './mapped.ts';

/** Words of a bind's third part, each kind at most once. */
const MODES: Record<string, readonly string[]> = {
  access: ['rw', 'ro'],
  label: ['z', 'Z'],
  propagation: ['shared', 'rshared', 'slave', 'rslave', 'private', 'rprivate'],
  copy: ['nocopy'],
  consistency: ['consistent', 'cached', 'delegated', 'default'],
};

interface Mode {
  readonly: boolean;
  /** Berth's own, as podman has it. */
  idMap?: string;
  propagation: string;
  nocopy: boolean;
}

/** Reads `ro,rslave,nocopy`; undefined when a word is unknown or a kind is given twice. */
function parseMode(mode: string): Mode | undefined {
  const found: Record<string, string> = {};
  let idMap: string | undefined;
  for (const word of mode === '' ? [] : mode.split(',')) {
    const mapped = idMapOption(word);
    if (mapped !== undefined) {
      if (idMap !== undefined) return undefined;
      idMap = mapped;
      continue;
    }
    const kind = Object.keys(MODES).find((name) => MODES[name]!.includes(word));
    if (!kind || found[kind]) return undefined;
    found[kind] = word;
  }
  return {
    readonly: found['access'] === 'ro',
    ...(idMap !== undefined && { idMap }),
    propagation: found['propagation'] ?? '',
    nocopy: found['copy'] !== undefined,
  };
}

/**
 * One entry of HostConfig.Binds.
 * @throws invalid-parameter with the text of dockerd (which answers 500 to these).
 */
export function parseBind(raw: string, volumeDriver: string): MountPoint {
  const bad = () => invalidParameter(`invalid volume specification: '${raw}'`);
  const parts = raw.split(':');
  const [source = '', target = '', modeText = ''] = parts.length === 1 ? ['', raw] : parts;
  if (parts.length > 3 || parts[0] === '') throw bad();
  if (parts.length === 2 && target !== '' && parseMode(target)) throw bad();
  const mode = parseMode(modeText);
  if (!mode || (parts.length === 3 && modeText === '')) throw invalidParameter(`invalid mode: ${modeText}`);
  const bind = source.startsWith('/');
  const spec: MountSpec = {
    Type: bind ? 'bind' : 'volume',
    Source: source,
    Target: target,
    ReadOnly: mode.readonly,
  };
  if (mode.propagation) spec.BindOptions = { Propagation: mode.propagation };
  if (mode.idMap !== undefined) {
    if (!bind) throw invalidParameter(`invalid volume specification: '${raw}': idmap is for binds of a path`);
    spec.BindOptions = { ...spec.BindOptions, IDMap: mode.idMap };
  }
  if (mode.nocopy) spec.VolumeOptions = { NoCopy: true };
  if (!bind && volumeDriver)
    spec.VolumeOptions = { ...spec.VolumeOptions, DriverConfig: { Name: volumeDriver } };
  let point: MountPoint;
  try {
    point = mountPoint(spec);
  } catch (error) {
    throw invalidParameter(`invalid volume specification: '${raw}': ${(error as Error).message}`);
  }
  point.Mode = modeText;
  if (bind) point.createSource = true;
  return point;
}

/**
 * One entry of HostConfig.Mounts, checked but for the existence of a bind's source.
 * @throws invalid-parameter with dockerd's text.
 */
export function parseMount(spec: MountSpec): MountPoint {
  checkKinds(spec);
  const point = mountPoint(spec);
  point.spec = spec;
  if (spec.Type === 'bind' && spec.BindOptions?.CreateMountpoint) point.createSource = true;
  return point;
}

/** Options of a kind of mount that it is not. */
function checkKinds(spec: MountSpec): void {
  const { Type, VolumeOptions, BindOptions, TmpfsOptions } = spec;
  const refuse = (name: string) =>
    invalidParameter(`${name} must not be specified on mount type ${JSON.stringify(Type ?? '')}`);
  if (VolumeOptions && Type !== 'volume') throw refuse('VolumeOptions');
  if (BindOptions && Type !== 'bind') throw refuse('BindOptions');
  if (TmpfsOptions && Type !== 'tmpfs') throw refuse('TmpfsOptions');
}

/** dockerd's text for a mount that cannot be. */
export function mountError(type: string, why: string): BerthError {
  return invalidParameter(`invalid mount config for type ${JSON.stringify(type)}: ${why}`);
}

function mountPoint(spec: MountSpec): MountPoint {
  const type = spec.Type ?? '';
  const refuse = (why: string) => mountError(type, why);
  const target = spec.Target ?? '';
  const source = spec.Source ?? '';
  if (target === '') throw refuse('field Target must not be empty');
  if (normalize(target) === '/') throw refuse("invalid specification: destination can't be '/'");
  if (!target.startsWith('/')) throw refuse(`invalid mount path: '${target}' mount path must be absolute`);
  const extra = (name: string) => refuse(`field ${name} must not be specified`);
  const point: MountPoint = {
    Type: type as MountPoint['Type'],
    Source: '',
    Destination: clean(target),
    Mode: '',
    RW: spec.ReadOnly !== true,
    Propagation: '',
  };
  switch (type) {
    case 'bind': {
      if (source === '') throw refuse('field Source must not be empty');
      const propagation = spec.BindOptions?.Propagation ?? '';
      if (propagation && !MODES['propagation']!.includes(propagation))
        throw refuse(`invalid propagation mode: ${propagation}`);
      if (spec.VolumeOptions) throw extra('VolumeOptions');
      if (spec.TmpfsOptions) throw extra('TmpfsOptions');
      if (!source.startsWith('/'))
        throw refuse(`invalid mount path: '${source}' mount path must be absolute`);
      point.Source = clean(source);
      point.Propagation = propagation;
      if (spec.BindOptions?.NonRecursive) point.nonRecursive = true;
      if (spec.BindOptions?.ReadOnlyNonRecursive) point.readOnlyNonRecursive = true;
      if (spec.BindOptions?.ReadOnlyForceRecursive) point.readOnlyForceRecursive = true;
      checkReadOnlyOptions(spec, refuse);
      if (spec.BindOptions?.IDMap !== undefined) point.idMap = checkedIdMap(spec.BindOptions.IDMap, refuse);
      return point;
    }
    case 'volume': {
      if (spec.BindOptions) throw extra('BindOptions');
      if (spec.TmpfsOptions) throw extra('TmpfsOptions');
      const subpath = spec.VolumeOptions?.Subpath ?? '';
      if (subpath) {
        if (source === '') throw refuse('must not set Subpath when using anonymous volumes');
        if (!isLocal(subpath)) throw refuse('subpath must be a relative path within the volume');
        point.subpath = subpath;
      }
      if (spec.ReadOnly && source === '')
        throw refuse('must not set ReadOnly mode when using anonymous volumes');
      point.Driver = spec.VolumeOptions?.DriverConfig?.Name || 'local';
      if (source !== '') point.Name = source;
      if (!spec.VolumeOptions?.NoCopy) point.copyUp = true;
      return point;
    }
    case 'image': {
      if (source === '') throw refuse('field Source must not be empty');
      const subpath = spec.ImageOptions?.Subpath ?? '';
      if (subpath && !isLocal(subpath)) throw refuse('subpath must be a relative path within the volume');
      if (subpath) point.subpath = subpath;
      point.Source = source;
      point.Propagation = 'rprivate';
      point.RW = false;
      return point;
    }
    case 'tmpfs':
      if (spec.BindOptions) throw extra('BindOptions');
      if (spec.VolumeOptions) throw extra('VolumeOptions');
      if (source !== '') throw extra('Source');
      point.tmpfs = tmpfsOptions(spec, refuse);
      return point;
    default:
      throw refuse('mount type unknown');
  }
}

function checkReadOnlyOptions(spec: MountSpec, refuse: (why: string) => BerthError): void {
  const options = spec.BindOptions;
  if (!options?.ReadOnlyForceRecursive) return;
  if (options.ReadOnlyNonRecursive)
    throw refuse('mount options conflict: ReadOnlyNonRecursive && BindOptions.ReadOnlyForceRecursive');
  if (!spec.ReadOnly) throw refuse('mount options conflict: !ReadOnly && BindOptions.ReadOnlyForceRecursive');
}

function tmpfsOptions(
  { TmpfsOptions: options, ReadOnly }: MountSpec,
  refuse: (why: string) => BerthError,
): string {
  const words: string[] = [];
  if (ReadOnly) words.push('ro');
  if (options?.Mode) words.push(`mode=${options.Mode.toString(8)}`);
  if (options?.SizeBytes) {
    if (options.SizeBytes < 0) throw refuse(`invalid tmpfs size: ${options.SizeBytes}`);
    words.push(`size=${options.SizeBytes}`);
  }
  for (const [name, value] of options?.Options ?? [])
    words.push(value === undefined ? `${name}` : `${name}=${value}`);
  return words.join(',');
}

/** Go's filepath.IsLocal: stays below the folder it is joined to. */
function isLocal(path: string): boolean {
  if (path === '' || path.startsWith('/')) return false;
  const plain = normalize(path);
  return plain !== '..' && !plain.startsWith('../');
}

/** Go's path.Clean of an absolute path: no trailing slash. */
export function clean(path: string): string {
  const plain = normalize(path);
  return plain.length > 1 && plain.endsWith('/') ? plain.slice(0, -1) : plain;
}

/** `container[:mode]` of VolumesFrom. @throws invalid-parameter with dockerd's text. */
export function parseVolumesFrom(spec: string): { container: string; readonly: boolean } {
  if (spec === '') throw invalidParameter('volumes-from specification cannot be an empty string');
  const [container = '', ...rest] = spec.split(':');
  const modeText = rest.length > 0 ? rest.join(':') : 'rw';
  const mode = parseMode(modeText);
  // Only the access may be changed on the way.
  if (!mode || mode.propagation || mode.nocopy || mode.idMap !== undefined)
    throw invalidParameter(`invalid mode: ${modeText}`);
  return { container, readonly: mode.readonly };
}

/** Flags of a tmpfs that stand for each other's opposite; the later one wins. */
const FLAGS: Record<string, string> = {
  ro: 'rw',
  rw: 'ro',
  suid: 'nosuid',
  nosuid: 'suid',
  dev: 'nodev',
  nodev: 'dev',
  exec: 'noexec',
  noexec: 'exec',
  sync: 'async',
  async: 'sync',
  dirsync: '',
  remount: '',
  mand: 'nomand',
  nomand: 'mand',
  atime: 'noatime',
  noatime: 'atime',
  diratime: 'nodiratime',
  nodiratime: 'diratime',
  bind: '',
  rbind: '',
  unbindable: '',
  runbindable: '',
  private: '',
  rprivate: '',
  shared: '',
  rshared: '',
  slave: '',
  rslave: '',
  relatime: 'norelatime',
  norelatime: 'relatime',
  strictatime: 'nostrictatime',
  nostrictatime: 'strictatime',
  defaults: '',
};
const VALUES = ['mode', 'uid', 'gid', 'size', 'nr_inodes', 'nr_blocks', 'mpol'];

/**
 * The options a tmpfs is mounted with: dockerd's defaults, overridden by what was asked for.
 * @throws system `invalid tmpfs option "x"`
 */
export function mergeTmpfsOptions(asked: string): string[] {
  const merged = new Map<string, string>();
  for (const word of ['noexec', 'nosuid', 'nodev', ...(asked === '' ? [] : asked.split(','))]) {
    const [name = '', value] = word.split('=');
    if (value === undefined ? !Object.hasOwn(FLAGS, name) : !VALUES.includes(name))
      throw invalidParameter(`invalid tmpfs option ${JSON.stringify(name)}`);
    merged.delete(FLAGS[name] ?? '');
    if (name !== 'defaults') merged.set(name, word);
  }
  return [...merged.values()];
}
