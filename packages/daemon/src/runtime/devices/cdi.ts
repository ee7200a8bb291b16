import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { invalidParameter } from '../../base/errors.ts';
import { log } from '../../base/log.ts';

/*
 * Devices of the Container Device Interface (https://github.com/cncf-tags/container-device-interface/blob/main/SPEC.md): a
 * vendor's files say what a container needs to use a device, which is then asked for by a name, `vendor.com/class=name`.
 */

/** What a device changes of a container. */
export interface CdiEdits {
  env: string[];
  devices: Array<{ PathOnHost: string; PathInContainer: string; CgroupPermissions: string }>;
  mounts: Array<{ source: string; destination: string; readonly: boolean; options: string[] }>;
  groups: string[];
}

interface ContainerEdits {
  env?: string[];
  deviceNodes?: Array<{ path?: string; hostPath?: string; permissions?: string }>;
  mounts?: Array<{ hostPath?: string; containerPath?: string; options?: string[]; type?: string }>;
  hooks?: Array<{ hookName?: string; path?: string }>;
  additionalGids?: number[];
}

interface CdiFile {
  kind: string;
  /** Of all devices of the file. */
  common: ContainerEdits;
  devices: Map<string, ContainerEdits>;
}

/** A file that is larger is none. */
const MOST_BYTES = 4 * 1024 * 1024;
const VERSION = /^v?(0\.[3-9]\.\d+|1\.\d+\.\d+)$/;
const KIND = /^[A-Za-z][\w.-]*[A-Za-z0-9]\/[A-Za-z](?:[\w-]*[A-Za-z0-9])?$/;

/** The names of all devices, sorted. */
export async function cdiDevices(folders: readonly string[]): Promise<string[]> {
  const files = await readFiles(folders);
  return [...files.keys()].sort();
}

/**
 * What devices change of a container. Of a name that stands in several folders the last one's holds.
 * @throws invalid-parameter for a device that is not known, and for one that needs what is not supported
 */
export async function cdiEdits(folders: readonly string[], names: readonly string[]): Promise<CdiEdits> {
  const known = await readFiles(folders);
  const missing = names.filter((name) => !known.has(name));
  if (missing.length > 0)
    throw invalidParameter(`CDI device injection failed: unresolvable CDI devices ${missing.join(', ')}`);
  const edits: CdiEdits = { env: [], devices: [], mounts: [], groups: [] };
  const common = new Set<ContainerEdits>();
  for (const name of names) {
    const { file, device } = known.get(name)!;
    if (!common.has(file.common)) apply(edits, name, file.common);
    common.add(file.common);
    apply(edits, name, device);
  }
  return edits;
}

function apply(edits: CdiEdits, name: string, change: ContainerEdits): void {
  const refuse = (why: string) => invalidParameter(`CDI device injection failed: ${name}: ${why}`);
  const [hook] = change.hooks ?? [];
  if (hook)
    throw refuse(
      `the hook ${hook.hookName ?? ''} ${hook.path ?? ''} is not supported; use a specification without hooks`,
    );
  edits.env.push(...(change.env ?? []));
  for (const { path, hostPath, permissions } of change.deviceNodes ?? []) {
    if (!path) throw refuse('a device node has no path');
    edits.devices.push({
      PathOnHost: hostPath || path,
      PathInContainer: path,
      CgroupPermissions: permissions || 'rwm',
    });
  }
  for (const { hostPath, containerPath, options = [], type } of change.mounts ?? []) {
    if (!hostPath?.startsWith('/') || !containerPath?.startsWith('/'))
      throw refuse('a mount needs absolute paths');
    if (type && type !== 'bind') throw refuse(`a mount of type ${type} is not supported`);
    edits.mounts.push({
      source: hostPath,
      destination: containerPath,
      readonly: options.includes('ro'),
      options: options.includes('rbind') ? ['rbind'] : ['bind'],
    });
  }
  edits.groups.push(...(change.additionalGids ?? []).filter((gid) => gid > 0).map(String));
}

/** All devices by their names. A file that cannot be read is told of and passed over. */
async function readFiles(
  folders: readonly string[],
): Promise<Map<string, { file: CdiFile; device: ContainerEdits }>> {
  const found = new Map<string, { file: CdiFile; device: ContainerEdits }>();
  for (const folder of folders) {
    for (const name of list(folder)) {
      const path = join(folder, name);
      try {
        const file = await readFile(path);
        for (const [device, edits] of file.devices)
          found.set(`${file.kind}=${device}`, { file, device: edits });
      } catch (error) {
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

function list(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => /\.(json|ya?ml)$/.test(name))
      .sort();
  } catch {
    return [];
  }
}

async function readFile(path: string): Promise<CdiFile> {
  if (statSync(path).size > MOST_BYTES) throw new Error('it is too large');
  const text = readFileSync(path, 'utf8');
  const content = (path.endsWith('.json') ? JSON.parse(text) : (await import('yaml')).parse(text)) as {
    cdiVersion?: unknown;
    kind?: unknown;
    devices?: Array<{ name?: string; containerEdits?: ContainerEdits }>;
    containerEdits?: ContainerEdits;
  } | null;
  if (typeof content?.cdiVersion !== 'string' || !VERSION.test(content.cdiVersion))
    throw new Error(`invalid cdiVersion ${JSON.stringify(content?.cdiVersion)}`);
  if (typeof content.kind !== 'string' || !KIND.test(content.kind))
    throw new Error(`invalid kind ${JSON.stringify(content.kind)}`);
  const devices = new Map<string, ContainerEdits>();
  for (const { name, containerEdits } of content.devices ?? []) {
    if (!name || devices.has(name)) throw new Error(`a device without a name of its own: ${name}`);
    devices.set(name, containerEdits ?? {});
  }
  return { kind: content.kind, common: content.containerEdits ?? {}, devices };
}
