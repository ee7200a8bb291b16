import type { LaunchRecord } from '@berth/native';
import {
  type CompileContext,
  cgroupRecords,
  mapRecords,
  mountRecord,
  ownerRecords,
  rootRecords,
} from './compile.ts';
import type { RuntimeProgram } from './handlers.ts';
import type { OciMount, OciNamespace, OciProcess, RuntimeSpec } from './oci.ts';
import { type OwnSpec, ownOf, preparedSource } from './own.ts';

/*
 * A container under another OCI runtime (runc, crun, runsc): its spec is written as config.json into a bundle. The C side
 * makes the root and the sources of mounts that no path of the host leads to, and calls the runtime
 * (native/c/container/runtime/runtime.h).
 */

/** Where the C side puts Berth's init, relative to the bundle, and where a container has it, as with Docker's. */
const INIT_SOURCE = 'fs/init';
const INIT_PATH = '/sbin/docker-init';
/** Where it puts the user namespace that the layers are mapped to. */
const USER_NAMESPACE = 'fs/user';

/** The launch of a container under another runtime. @param bundle the bundle's directory, which need not be there yet */
export function bundleLaunch(
  spec: RuntimeSpec,
  { path, args }: RuntimeProgram,
  bundle: string,
  context: CompileContext,
): LaunchRecord[] {
  const own = ownOf(spec);
  const remapped = spec.linux.uidMappings !== undefined;
  const records: LaunchRecord[] = [
    ['id', own.id],
    ['runtime', path, bundle, ...args],
    ['config', ...configParts(spec, bundle)],
    ...mapRecords(spec.linux),
    ...rootRecords(own),
    ...preparedRecords(spec, own),
    ...cgroupRecords(spec, context),
    ...ownerRecords(own),
    ['cwd', spec.process.cwd, 'create'],
  ];
  if (own.init) records.push(['init']);
  if (remapped) records.push(['namespace', 'user'], ...joinedNetwork(spec));
  return records;
}

/** One more process in a container under another runtime. */
export function bundleExec(
  process: OciProcess,
  own: Pick<OwnSpec, 'id' | 'user' | 'groups'>,
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
  const whole = {
    ...rest,
    mounts: own.init ? [...spec.mounts, initMount()] : spec.mounts,
    linux: {
      ...linux,
      namespaces: linux.namespaces.map((namespace) => joinedUser(namespace, bundle)),
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
function joinedUser(namespace: OciNamespace, bundle: string): OciNamespace {
  return namespace.type === 'user' ? { type: 'user', path: `${bundle}/${USER_NAMESPACE}` } : namespace;
}

const initMount = (): OciMount => ({
  destination: INIT_PATH,
  type: 'bind',
  source: INIT_SOURCE,
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
