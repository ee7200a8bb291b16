import type { LaunchRecord } from '@berth/native';
import {
  type CompileContext,
  cgroupRecords,
  mapRecords,
  mountRecord,
  ownerRecords,
  rootRecords,
} from '../compile.ts';
import type { OciMount, OciNamespace, OciProcess, RuntimeSpec } from './config.ts';
import type { RuntimeProgram } from './handlers.ts';
import { FS, type OwnSpec, ownOf, preparedIndex, preparedSource } from './own.ts';

/*
 * A container under another OCI runtime (runc, crun, runsc): its spec is written as config.json into a bundle. The C side
 * makes the root and the sources of mounts that no path of the host leads to, and calls the runtime
 * (native/c/container/runtime/runtime.h).
 */

/** The path of Berth's init in a container, as with Docker's. */
const INIT_PATH = '/sbin/docker-init';
/**
 * The folder in which the root of a user namespace finds what is mounted for its container: it may not enter the run folder. Every
 * kernel with BPF has this directory, everybody may enter it, and what is there is covered in one mount namespace alone.
 */
const REACHABLE = '/sys/fs/bpf';

/** The directory below which the C side makes the root and the sources of mounts. */
const fsOf = (spec: RuntimeSpec, bundle: string): string =>
  spec.linux.uidMappings === undefined ? `${bundle}/${FS}` : REACHABLE;

/**
 * The launch of a container under another runtime.
 * @param bundle the bundle's directory, which need not be there yet
 * @param restore the folder of a checkpoint that is restored; CRIU's log goes into the bundle
 */
export function bundleLaunch(
  spec: RuntimeSpec,
  { path, args }: RuntimeProgram,
  bundle: string,
  context: CompileContext,
  restore?: string,
): LaunchRecord[] {
  const own = ownOf(spec);
  const remapped = spec.linux.uidMappings !== undefined;
  const records: LaunchRecord[] = [
    ['id', own.id],
    ['runtime', path, bundle, fsOf(spec, bundle), ...args],
    ['config', ...configParts(spec, bundle)],
    ...mapRecords(spec.linux),
    ...rootRecords(own),
    ...preparedRecords(spec, own),
    ...cgroupRecords(spec, context),
    ...ownerRecords(own),
    ['cwd', spec.process.cwd, 'create'],
  ];
  if (restore !== undefined) records.push(['restore', restore, bundle]);
  if (own.init) records.push(['init']);
  if (remapped) records.push(['namespace', 'user'], ...joinedNetwork(spec));
  return records;
}

/** One more process in a container under another runtime. */
export function bundleExec(
  process: OciProcess,
  own: Pick<OwnSpec, 'id' | 'user' | 'groups' | 'groupsPolicy'>,
): LaunchRecord[] {
  return [['id', own.id], ['config', ...processParts(process)], ...ownerRecords(own)];
}

/** A network namespace that is there belongs to a user namespace, which is then the container's. */
function joinedNetwork({ linux }: RuntimeSpec): LaunchRecord[] {
  const path = linux.namespaces.find(({ type }) => type === 'network')?.path;
  return path === undefined ? [] : [['namespace', 'net', path]];
}

function preparedRecords(spec: RuntimeSpec, own: OwnSpec): LaunchRecord[] {
  return own.prepared.map((_, index) =>
    mountRecord(spec.mounts.find(({ source }) => source === preparedSource(index))!, own),
  );
}

/** config.json but for the process's user, which the C side looks up and puts between the two parts. */
export function configParts(spec: RuntimeSpec, bundle: string): [head: string, tail: string] {
  const own = ownOf(spec);
  const { process, ...rest } = spec;
  const { seccomp, ...linux } = spec.linux;
  const fs = fsOf(spec, bundle);
  const placed = spec.mounts.map((mount) =>
    preparedIndex(mount.source ?? '') === -1 ? mount : { ...mount, source: placedIn(fs, mount.source!) },
  );
  const whole = {
    ...rest,
    root: { ...spec.root, path: placedIn(fs, spec.root.path) },
    mounts: own.init ? [...placed, initMount(fs)] : placed,
    linux: {
      ...linux,
      namespaces: linux.namespaces.map((namespace) => joinedUser(namespace, fs)),
      // Without flags a runtime has its own defaults; an empty list would set them all aside.
      ...(seccomp && {
        seccomp: { ...seccomp, flags: seccomp.flags.length > 0 ? seccomp.flags : undefined },
      }),
    },
  };
  const [head, tail] = processParts(
    own.init ? { ...process, args: [INIT_PATH, '--', ...process.args] } : process,
  );
  return [`${json(whole).slice(0, -1)},"process":${head}`, `${tail}}`];
}

/** The user namespace is the one that the layers are mapped to, not another with the same maps: it owns the network. */
function joinedUser(namespace: OciNamespace, fs: string): OciNamespace {
  return namespace.type === 'user' ? { type: 'user', path: `${fs}/user` } : namespace;
}

/** A path below `fs` of the bundle, where that really is. */
const placedIn = (fs: string, path: string): string => fs + path.slice(FS.length);

const initMount = (fs: string): OciMount => ({
  destination: INIT_PATH,
  type: 'bind',
  source: `${fs}/init`,
  options: ['bind', 'ro', 'nosuid', 'nodev'],
});

function processParts({ user: _, ...process }: OciProcess): [head: string, tail: string] {
  return ['{"user":', `,${json(process).slice(1)}`];
}

/** Numbers of 64 bits are more than JavaScript's own can hold. */
const MAX_UINT64 = (1n << 64n) - 1n;
const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown };

/** A spec's JSON: no limit is the largest number of 64 bits, as the specification has it. */
function json(value: object): string {
  return JSON.stringify(value, (key, member: unknown) => {
    if (typeof member !== 'number') return member;
    if ((key === 'soft' || key === 'hard') && member < 0) return rawJSON(String(MAX_UINT64));
    if (member <= Number.MAX_SAFE_INTEGER) return member;
    const exact = BigInt(Math.trunc(member));
    return rawJSON(String(exact > MAX_UINT64 ? MAX_UINT64 : exact));
  });
}
