import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { readBounded } from '../../base/files/bounded-file.ts';
import { log } from '../../base/log.ts';

/*
 * The files of the Container Device Interface (https://github.com/cncf-tags/container-device-interface/blob/main/SPEC.md), as
 * vendors write them. A file with a member that is not known is not used at all, as CDI has it: what a device
 * needs is never left out silently.
 */

export interface CdiDeviceNode {
  path: string;
  hostPath?: string;
  type?: string;
  major?: number;
  minor?: number;
  fileMode?: number;
  permissions?: string;
  uid?: number;
  gid?: number;
}

export interface CdiMount {
  hostPath: string;
  containerPath: string;
  options?: string[];
  type?: string;
}

export interface CdiHook {
  hookName: string;
  path: string;
  args?: string[];
  env?: string[];
  timeout?: number;
}

/** The member `containerEdits` of a file, or of a device in it. */
export interface ContainerEdits {
  env?: string[];
  deviceNodes?: CdiDeviceNode[];
  netDevices?: Array<{ hostInterfaceName: string; name: string }>;
  mounts?: CdiMount[];
  hooks?: CdiHook[];
  intelRdt?: Record<string, unknown>;
  additionalGids?: number[];
}

export interface CdiDevice {
  /** The file's path, for errors. */
  path: string;
  edits: ContainerEdits;
  /** The changes that all devices of the file need. */
  common: ContainerEdits;
}

export interface CdiFiles {
  /** By their full names, `vendor.com/class=name`. */
  devices: Map<string, CdiDevice>;
  /** Why files could not be used, by their paths. */
  problems: Map<string, string>;
}

type Check = (value: unknown, at: string) => void;

const fault = (at: string, want: string): never => {
  throw new Error(`${at} is not ${want}`);
};
const text: Check = (value, at) => {
  if (typeof value !== 'string' || value.includes('\0')) fault(at, 'a string');
};
const flag: Check = (value, at) => {
  if (typeof value !== 'boolean') fault(at, 'true or false');
};
const number: Check = (value, at) => {
  if (!Number.isSafeInteger(value) || (value as number) < 0) fault(at, 'a number');
};
const path: Check = (value, at) => {
  text(value, at);
  if (!(value as string).startsWith('/')) fault(at, 'an absolute path');
};
const oneOf =
  (...words: string[]): Check =>
  (value, at) => {
    if (!words.includes(value as string)) fault(at, `one of ${words.join(', ')}`);
  };
const list =
  (item: Check): Check =>
  (value, at) => {
    if (!Array.isArray(value)) fault(at, 'a list');
    for (const [index, one] of (value as unknown[]).entries()) item(one, `${at}[${index}]`);
  };
/** Members whose names end in `?` may be missing, or null. */
const object = (members: Record<string, Check>): Check => {
  const known = new Map(
    Object.entries(members).map(([name, check]) => [
      name.replace('?', ''),
      { check, optional: name.endsWith('?') },
    ]),
  );
  return (value, at) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) fault(at, 'an object');
    const given = value as Record<string, unknown>;
    for (const name of Object.keys(given)) if (!known.has(name)) fault(`${at}.${name}`, 'a known field');
    for (const [name, { check, optional }] of known) {
      if (given[name] === undefined || given[name] === null) {
        if (!optional) throw new Error(`${at}.${name} is missing`);
        delete given[name];
      } else check(given[name], `${at}.${name}`);
    }
  };
};
const annotations: Check = (value, at) => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) fault(at, 'an object');
  for (const [name, one] of Object.entries(value as object)) text(one, `${at}.${name}`);
};

const EDITS = object({
  'env?': list((value, at) => {
    text(value, at);
    if (!/^[^=]+=/s.test(value as string)) fault(at, 'NAME=value');
  }),
  'deviceNodes?': list(
    object({
      path,
      'hostPath?': path,
      'type?': oneOf('', 'b', 'c', 'u', 'p'),
      'major?': number,
      'minor?': number,
      'fileMode?': number,
      'permissions?': (value, at) => {
        if (typeof value !== 'string' || !/^[rwm]*$/.test(value)) fault(at, 'some of the letters r, w and m');
      },
      'uid?': number,
      'gid?': number,
    }),
  ),
  'netDevices?': list(object({ hostInterfaceName: text, name: text })),
  'mounts?': list(object({ hostPath: text, containerPath: path, 'options?': list(text), 'type?': text })),
  'hooks?': list(
    object({
      hookName: oneOf(
        'prestart',
        'createRuntime',
        'createContainer',
        'startContainer',
        'poststart',
        'poststop',
      ),
      path,
      'args?': list(text),
      'env?': list(text),
      'timeout?': number,
    }),
  ),
  'intelRdt?': object({
    'closID?': text,
    'l3CacheSchema?': text,
    'memBwSchema?': text,
    'schemata?': list(text),
    'enableMonitoring?': flag,
    'enableCMT?': flag,
    'enableMBM?': flag,
  }),
  'additionalGids?': list(number),
});

const VERSION = /^v?(0\.[3-9]\.\d+|1\.\d+\.\d+)$/;
const KIND = /^[A-Za-z][\w.-]*[A-Za-z0-9]\/[A-Za-z](?:[\w-]*[A-Za-z0-9])?$/;
const NAME = /^[A-Za-z0-9](?:[\w.:-]*[A-Za-z0-9])?$/;

const like =
  (pattern: RegExp, what: string): Check =>
  (value, at) => {
    if (typeof value !== 'string' || !pattern.test(value)) fault(at, what);
  };

const FILE = object({
  cdiVersion: like(VERSION, 'a version from 0.3.0 to 1.x'),
  kind: like(KIND, 'VENDOR/CLASS'),
  'annotations?': annotations,
  'devices?': list(
    object({
      name: (value, at) => {
        // YAML takes a bare 0 for a number.
        if (typeof value !== 'number') like(NAME, 'the name of a device')(value, at);
      },
      'annotations?': annotations,
      'containerEdits?': EDITS,
    }),
  ),
  'containerEdits?': EDITS,
});

/** A file that is larger is none. */
const MOST_BYTES = 4 * 1024 * 1024;

/** All devices of all files; of a name that stands in several folders the last one's holds. A file that can't be used is told of once. */
export async function readCdiFiles(folders: readonly string[]): Promise<CdiFiles> {
  const found: CdiFiles = { devices: new Map(), problems: new Map() };
  for (const folder of folders) {
    for (const name of specifications(folder)) {
      const path = join(folder, name);
      try {
        for (const [device, edits] of await readFile(path)) found.devices.set(device, edits);
      } catch (error) {
        found.problems.set(path, (error as Error).message);
        tellOnce(path, (error as Error).message);
      }
    }
  }
  return found;
}

const told = new Set<string>();

function tellOnce(path: string, why: string): void {
  if (told.has(`${path} ${why}`)) return;
  told.add(`${path} ${why}`);
  log.warn({ file: path, why }, 'a CDI specification cannot be used');
}

function specifications(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => /\.(json|ya?ml)$/.test(name))
      .sort();
  } catch {
    return [];
  }
}

async function readFile(path: string): Promise<Map<string, CdiDevice>> {
  const text = readBounded(path, MOST_BYTES).toString();
  // Version 1.1, as CDI's own reader has it: a mode of 0660 is octal.
  const content: unknown = path.endsWith('.json')
    ? JSON.parse(text)
    : (await import('yaml')).parse(text, { version: '1.1' });
  FILE(content, 'the file');
  const file = content as {
    kind: string;
    devices?: Array<{ name: string | number; containerEdits?: ContainerEdits }>;
    containerEdits?: ContainerEdits;
  };
  const devices = new Map<string, CdiDevice>();
  for (const { name, containerEdits } of file.devices ?? []) {
    const full = `${file.kind}=${name}`;
    if (devices.has(full)) throw new Error(`there are two devices ${name}`);
    devices.set(full, { path, edits: containerEdits ?? {}, common: file.containerEdits ?? {} });
  }
  return devices;
}
