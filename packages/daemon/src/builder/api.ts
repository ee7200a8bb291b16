import type { IncomingHttpHeaders } from 'node:http';
import type { Duplex, Readable } from 'node:stream';
import type { OnProgress, RegistryAuth } from '../images/api.ts';

/** The options of POST /build, decoded from its query. */
export interface BuildOptions {
  /** Path of the Dockerfile in the context. */
  dockerfile: string;
  tags: string[];
  remote: string;
  buildArgs: Record<string, string | null>;
  labels: Record<string, string>;
  target: string;
  noCache: boolean;
  pull: boolean;
  platform: string;
  cacheFrom: string[];
  quiet: boolean;
  /** BuildKit is to do it (`version=2`). */
  buildKit: boolean;
  /** The exporter of BuildKit's result: by `cacheonly` nowhere; undefined: into the store, under its tags. */
  output: { type: string; attributes: Record<string, string> } | undefined;
  /** The id of the client's session with BuildKit; '' for none. */
  session: string;
  rm: boolean;
  forceRm: boolean;
  networkMode: string;
  extraHosts: string[];
  /** HostConfig members for the containers of RUN (memory, cpu, shm, ulimits, cgroup parent). */
  hostConfig: Record<string, unknown>;
  /** X-Registry-Config: credentials by registry. */
  registries: Record<string, RegistryAuth>;
  signal: AbortSignal;
}

/** One record of the build cache (GET /system/df, POST /build/prune). */
export interface CacheRecord {
  ID: string;
  Type: string;
  Description: string;
  InUse: boolean;
  Shared: boolean;
  Size: number;
  CreatedAt: string;
  LastUsedAt: string;
  UsageCount: number;
}

/** A choice of the cached steps that a prune removes. */
export interface PruneOptions {
  filters: Record<string, string[]>;
  all: boolean;
  /** Bytes that stay in any case. */
  keepStorage: number;
  /** Bytes that may stay at most; 0: any number. */
  maxUsed?: number;
  /** Bytes that the disk is to have free. */
  minFree?: number;
  /** Milliseconds since its last use that a step stays. */
  keepDuration?: number;
}

/** Builds by both builders, and the cache that they share. */
export interface Builder {
  /**
   * Builds from a context tar; progress goes to `onProgress` as the classic builder of dockerd sends it. `begun` is
   * called when the request was found right and the reply may start: errors before it are the request's.
   * @throws invalid-parameter for a wrong Dockerfile (before `begun`).
   */
  build(context: Readable, options: BuildOptions, begun: () => OnProgress): Promise<string>;
  /** Loads BuildKit's services. @throws a system error, that a connection which is a stream already could not be told. */
  ready(): Promise<void>;
  /** A client's BuildKit session (POST /session): resolves when its connection ends. */
  session(connection: Duplex, headers: IncomingHttpHeaders, methods: string[]): Promise<void>;
  /** BuildKit's control service (POST /grpc): resolves when the connection ends. */
  grpc(connection: Duplex): Promise<void>;
  /** The records of the build cache. */
  cache(): CacheRecord[];
  /** Removes from the cache, least recently used first. @throws invalid-parameter for filters that there are not */
  prune(options: PruneOptions): Promise<{ CachesDeleted: string[]; SpaceReclaimed: number }>;
}
