import type { RootFilesystem } from '../../layers/api.ts';

/*
 * Parts of a container that the OCI specification has no member for. They stand in one annotation of the spec, so that
 * the spec is whole: Berth's own runtime (../compile.ts) and the bundle of another one (bundle.ts) are made of nothing else. Written
 * and read as text it costs a start some 18 microseconds, which is why there is no typed description beside the spec.
 */

const ANNOTATION = 'dev.berth.container';

/** A mount whose source is made by the C side, for no path of the host leads to it. */
export interface PreparedMount {
  destination: string;
  /** `shm-of`: `source` is /proc/PID of a process whose /dev/shm is shared; `bind`: of `subpath` in it. */
  type: 'bind' | 'image' | 'shm-of';
  source: string;
  /** bind, image: resolved so that no link in it leads out of the source. */
  subpath?: string;
  /** image: its layers. */
  lower?: RootFilesystem['lower'];
}

export interface OwnSpec {
  id: string;
  /** The layers that are mounted as the spec's root. */
  root: RootFilesystem;
  /** `user[:group]`, looked up by the C side in the container's own files; the spec's `process.user` is 0 until then. */
  user: string;
  /** Further groups, likewise. */
  groups: string[];
  /** Groups of the user by the container's own files are taken always (`merge`) or never; absent: where `user` names no group. */
  groupsPolicy?: 'merge' | 'strict';
  /** Words of `mount` records that map the ids of binds, by destination. */
  idmapped?: Record<string, string>;
  /** The program runs under Berth's init. */
  init: boolean;
  /** The Nth is the mount whose source in the spec is `preparedSource(N)`. */
  prepared: PreparedMount[];
  /** Destinations of binds that have to be read-only with all that is mounted below them. */
  forcedReadOnly: string[];
}

/** The paths of the root and of the prepared mounts for another runtime: relative to its bundle, as the specification allows. */
export const FS = 'fs';
export const ROOT_PATH = `${FS}/rootfs`;
const PREPARED = `${FS}/mounts/`;

/** The source, in the spec, of the prepared mount of that index. */
export const preparedSource = (index: number): string => PREPARED + index;

/** The index of a prepared mount by its source in the spec, or -1; other sources are absolute paths or bare names. */
export const preparedIndex = (source: string): number =>
  source.startsWith(PREPARED) ? Number(source.slice(PREPARED.length)) : -1;

/** The annotation by which a spec carries the engine's own part to the runtime. */
export const ownAnnotation = (own: OwnSpec): Record<string, string> => ({
  [ANNOTATION]: JSON.stringify(own),
});

/** The engine's own part of a spec that has `ownAnnotation`. @throws SyntaxError for a spec without it */
export const ownOf = ({ annotations }: { annotations: Record<string, string> }): OwnSpec =>
  JSON.parse(annotations[ANNOTATION]!) as OwnSpec;
