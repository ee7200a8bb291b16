import { homedir } from 'node:os';
import { resolve } from 'node:path';
import type { components } from '@berth/api-spec';
import { parseBool } from '../base/flags.ts';
import { csvFields, cut } from './csv.ts';
import { parseBytes } from './units.ts';

/** A mount as the API takes it. */
export type Mount = components['schemas']['Mount'] & { Type: string };

function withPair(map: Record<string, string> | null | undefined, pair: string): Record<string, string> {
  const [key, value] = cut(pair, '=');
  return key ? { ...map, [key]: value ?? '' } : { ...map };
}

/** The value of `--mount type=...,source=...,target=...`. Throws with Docker's reason. */
export function parseMount(text: string): Mount {
  const mount: Mount = { Type: 'volume' };
  const volume = () => {
    mount.VolumeOptions ??= { Labels: {} };
    mount.VolumeOptions.DriverConfig ??= {};
    return mount.VolumeOptions;
  };
  const bind = () => {
    mount.BindOptions ??= {};
    return mount.BindOptions;
  };
  const tmpfs = () => {
    mount.TmpfsOptions ??= {};
    return mount.TmpfsOptions;
  };
  for (const field of csvFields(text)) {
    const [rawKey, value] = cut(field, '=');
    const key = rawKey.toLowerCase();
    if (value === undefined) {
      if (key === 'readonly' || key === 'ro') mount.ReadOnly = true;
      else if (key === 'volume-nocopy') volume().NoCopy = true;
      else if (key === 'bind-nonrecursive') bind().NonRecursive = true;
      else if (key === 'idmap') bind().IDMap = 'container';
      else throw new Error(`invalid field '${field}' must be a key=value pair`);
      continue;
    }
    const flag = (what = key): boolean => {
      try {
        return parseBool(value);
      } catch {
        throw new Error(`invalid value for ${what}: ${value}`);
      }
    };
    switch (key) {
      case 'type':
        mount.Type = value.toLowerCase();
        break;
      case 'source':
      case 'src':
        mount.Source = value.startsWith('./') || value === '.' ? resolve(value) : value;
        break;
      case 'target':
      case 'dst':
      case 'destination':
        mount.Target = value;
        break;
      case 'readonly':
      case 'ro':
        mount.ReadOnly = flag();
        break;
      case 'consistency':
        mount.Consistency = value.toLowerCase();
        break;
      case 'bind-propagation':
        bind().Propagation = value.toLowerCase();
        break;
      case 'bind-nonrecursive':
        bind().NonRecursive = flag();
        break;
      case 'idmap':
        bind().IDMap = value;
        break;
      case 'bind-create-src':
        bind().CreateMountpoint = flag();
        break;
      case 'bind-recursive':
        if (value === 'disabled') bind().NonRecursive = true;
        else if (value === 'writable') bind().ReadOnlyNonRecursive = true;
        else if (value === 'readonly') bind().ReadOnlyForceRecursive = true;
        else if (value !== 'enabled')
          throw new Error(
            `invalid value for ${key}: ${value} (must be "enabled", "disabled", "writable", or "readonly")`,
          );
        break;
      case 'volume-subpath':
        volume().Subpath = value;
        break;
      case 'volume-nocopy':
        volume().NoCopy = flag('volume-nocopy');
        break;
      case 'volume-label':
        volume().Labels = withPair(volume().Labels, value);
        break;
      case 'volume-driver':
        volume().DriverConfig!.Name = value;
        break;
      case 'volume-opt':
        volume().DriverConfig!.Options = withPair(volume().DriverConfig!.Options, value);
        break;
      case 'image-subpath':
        mount.ImageOptions = { Subpath: value };
        break;
      case 'tmpfs-size':
        try {
          tmpfs().SizeBytes = parseBytes(value);
        } catch {
          throw new Error(`invalid value for ${key}: ${value}`);
        }
        break;
      case 'tmpfs-mode':
        if (!/^[0-7]{1,10}$/.test(value)) throw new Error(`invalid value for ${key}: ${value}`);
        tmpfs().Mode = Number.parseInt(value, 8);
        break;
      default:
        throw new Error(`unexpected key '${key}' in '${field}'`);
    }
  }
  if (!mount.Type) throw new Error('type is required');
  if (!mount.Target) throw new Error('target is required');
  const mixed = (kind: string) => new Error(`cannot mix '${kind}-*' options with mount type '${mount.Type}'`);
  if (mount.VolumeOptions && mount.Type !== 'volume') throw mixed('volume');
  if (mount.BindOptions && mount.Type !== 'bind') throw mixed('bind');
  if (mount.ImageOptions && mount.Type !== 'image') throw mixed('image');
  if (mount.TmpfsOptions && mount.Type !== 'tmpfs') throw mixed('tmpfs');
  const { BindOptions: options } = mount;
  if ((options?.ReadOnlyNonRecursive || options?.ReadOnlyForceRecursive) && !mount.ReadOnly)
    throw new Error(
      `option 'bind-recursive=${options.ReadOnlyNonRecursive ? 'writable' : 'readonly'}' requires 'readonly' to be specified in conjunction`,
    );
  if (options?.ReadOnlyForceRecursive && options.Propagation !== 'rprivate')
    throw new Error(
      "option 'bind-recursive=readonly' requires 'bind-propagation=rprivate' to be specified in conjunction",
    );
  return mount;
}

/** `-v`: an anonymous volume has no source; a relative or home path is made absolute. Throws with Docker's reason. */
export function parseVolume(spec: string): { bind?: string; anonymous?: string } {
  if (spec === '') throw new Error('invalid empty volume spec');
  if (spec.length <= 2) return { anonymous: spec };
  const parts = spec.split(':');
  if (parts.some((part) => part === ''))
    throw new Error(`invalid spec: ${spec}: empty section between colons`);
  if (parts.length > 3) throw new Error(`invalid spec: ${spec}: too many colons`);
  if (parts.length === 1) return { anonymous: spec };
  const [source, ...rest] = parts;
  if (source!.startsWith('.')) return { bind: [resolve(source!), ...rest].join(':') };
  if (source === '~' || source!.startsWith('~/'))
    return { bind: [resolve(homedir(), source!.slice(2)), ...rest].join(':') };
  return { bind: spec };
}
