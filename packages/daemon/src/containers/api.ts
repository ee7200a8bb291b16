import type { Duplex, Readable } from 'node:stream';
import type { Archive } from '../layers/api.ts';
import type { EndpointSettings } from '../networks/api.ts';
import type { Resources } from '../runtime/api.ts';
import type { ChangeOutcome, Update } from './model/changes.ts';
import type { ContainerInspect, ContainerSummary, ExecInspect } from './model/shown.ts';
import type { ContainerSnapshot, PodMember, WaitCondition, WaitResult } from './model/types.ts';

export type { RoomsBelow } from './model/rooms.ts';
export type * from './model/shown.ts';
export type * from './model/types.ts';

/** The body of a create: Config's members, HostConfig and NetworkingConfig, as the client sent them (nulls dropped). */
export interface CreateBody {
  HostConfig?: Record<string, unknown>;
  NetworkingConfig?: { EndpointsConfig?: Record<string, Partial<EndpointSettings>> };
  [member: string]: unknown;
}

/** A create's request, with the meaning that members have at the client's API version. */
export interface CreateOptions {
  name?: string;
  platform?: string;
  body: CreateBody;
  /** A step of a build, removed with a build that the daemon's end interrupts; `keepStep` makes it one that stays. */
  buildStep?: true;
  /** Nameless volumes of `Mounts` are marked as anonymous. */
  anonymousMounts?: boolean;
  /** Links put no variables into its environment. */
  noLinkVariables?: boolean;
  /** The container may ask for addresses of subnets that the pools gave, too (API 1.52, engine 29). */
  anySubnet?: boolean;
  /** Read-only binds leave what is mounted below them as it is, where their entry does not say. */
  shallowReadOnly?: boolean;
  /** On cgroup v1 a container that names no cgroup namespace shares the host's. */
  hostCgroupnsOnV1?: boolean;
  /** The container belongs to this pod: it joins the pod's namespaces and has its host name. */
  pod?: PodMember & { hostname: string };
}

/** The part of a container's log that is wanted. */
export interface LogOptions {
  stdout: boolean;
  stderr: boolean;
  follow: boolean;
  timestamps: boolean;
  details: boolean;
  /** Nanoseconds since the epoch; 0n: none. */
  since: bigint;
  until: bigint;
  /** Lines from the end; negative: all. */
  tail: number;
  /** Make each entry a chunk of HTTP's chunked encoding; asked when the first is read. */
  chunks?: () => boolean;
  signal: AbortSignal;
}

/** The streams that a client attaches to. */
export interface AttachOptions {
  stream: boolean;
  logs: boolean;
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
  detachKeys?: string;
  /** No keys detach: what is typed is the program's alone. */
  keepsKeys?: true;
  /** Output without frames, both streams as one (WebSockets). */
  raw?: boolean;
  /** Given once the container was found and may be attached to: the client's connection. */
  connection: () => Promise<Duplex>;
}

/** An exec's settings, as `POST /containers/{id}/exec` has them. */
export interface ExecConfig {
  Cmd?: string[];
  AttachStdin?: boolean;
  AttachStdout?: boolean;
  AttachStderr?: boolean;
  Tty?: boolean;
  Env?: string[];
  User?: string;
  WorkingDir?: string;
  Privileged?: boolean;
  DetachKeys?: string;
  /** No keys detach, and a failed start is thrown, not told in the stream. */
  ofPod?: true;
  ConsoleSize?: [height: number, width: number];
}

/** The output of a command in a container, up to a limit, and how it ended. */
export interface Captured {
  exitCode: number;
  stdout: Buffer;
  stderr: Buffer;
  /** The process was killed as its time was over. */
  timedOut: boolean;
}

/** Changes of a pod's container while it lives. */
export interface MemberChange {
  /** Members that are absent stay as they are. */
  resources: Resources;
  unified: Record<string, string>;
  hugepages: PodMember['hugepages'];
  oomScoreAdj?: number;
  told: unknown;
}

/** The query of a list: `limit` 0 is none; `size` adds SizeRw and SizeRootFs. */
export interface ListOptions {
  all: boolean;
  limit: number;
  size: boolean;
  filters: Record<string, string[]>;
}

/** The containers of this daemon. A `reference` is a name (with or without slash), a full id or a unique id prefix. */
export interface Containers {
  /** Makes a container and its writable layer. @throws invalid-parameter, not-found for the image, conflict for the name */
  create(options: CreateOptions): Promise<{ Id: string; Warnings: string[] }>;
  /**
   * @param checkpoint what is restored: its name, and the folder where it is, or ''
   * @throws not-modified when it runs already.
   */
  start(reference: string, checkpoint?: { id: string; folder: string }): Promise<void>;
  /**
   * Writes the container's processes to files. `folder`: an absolute path of the host, '' for the container's own; `exit`: it ends.
   * @throws conflict when it does not run or the name is taken, unsupported where its runtime or the machine can't do it
   */
  checkpoint(reference: string, options: { id: string; exit: boolean; folder: string }): Promise<void>;
  /** The checkpoints of a container in `folder` ('': its own), by their names. @throws not-found, system */
  checkpoints(reference: string, folder: string): Promise<Array<{ Name: string }>>;
  /** @throws not-found */
  removeCheckpoint(reference: string, id: string, folder: string): Promise<void>;
  /** `timeout` in seconds, -1: for ever, undefined: the container's own. @throws not-modified when it does not run. */
  stop(reference: string, options?: { timeout?: number; signal?: string }): Promise<void>;
  /** A stop and a start; the options are those of `stop`. @throws not-found, and the errors of a start */
  restart(reference: string, options?: { timeout?: number; signal?: string }): Promise<void>;
  /**
   * Sends a signal, by name or number (default KILL), to the first process.
   * @throws not-found, conflict when it does not run
   */
  kill(reference: string, signal?: string): Promise<void>;
  /** Freezes all processes by the cgroup freezer. @throws not-found, conflict when it does not run or is paused */
  pause(reference: string): Promise<void>;
  /** Thaws the processes. @throws not-found, system when it is not paused */
  unpause(reference: string): Promise<void>;
  /** Gives a container another name. @throws not-found, invalid-parameter for a name that is none or its own, conflict for one that is taken */
  rename(reference: string, name: string): Promise<void>;
  /**
   * `force` kills a container that runs, `volumes` takes its anonymous volumes along, `link` removes a link by its name only.
   * @throws not-found, conflict for one that runs; system when something of it can't be removed (it is `dead` then)
   */
  remove(reference: string, options?: { force?: boolean; volumes?: boolean; link?: boolean }): Promise<void>;
  /** Returns once the container is known and the wait has begun; `done` is the exit. */
  wait(
    reference: string,
    condition: WaitCondition,
    signal?: AbortSignal,
  ): { id: string; done: Promise<WaitResult> };
  /** The size of the terminal, in characters. @throws not-found, conflict when it does not run */
  resize(reference: string, height: number, width: number): Promise<void>;
  /**
   * Changes limits, the restart policy, and what Berth can change besides: all, or none.
   * @throws conflict, invalid-parameter
   */
  update(reference: string, change: Update): Promise<{ Warnings: string[] | null } & Partial<ChangeOutcome>>;
  /** The same for a container of a pod, with what the Docker API has no words for. */
  updateMember(id: string, change: MemberChange): Promise<void>;
  /** Goes on in a new log file after the old one was moved away, by a kubelet. @throws conflict when it does not run. */
  reopenLog(id: string): Promise<void>;
  /** The step of a build is over, and its container stays. */
  keepStep(id: string): Promise<void>;
  /** Removes the containers that do not run and match the filters. @throws invalid-parameter for filters that there are not */
  prune(
    filters: Record<string, string[]>,
  ): Promise<{ ContainersDeleted: string[] | null; SpaceReclaimed: number }>;

  /** The frozen view of one container. @throws not-found (`No such container: x`). */
  get(reference: string): ContainerSnapshot;
  /** The same; undefined where there is none. */
  find(reference: string): ContainerSnapshot | undefined;
  /** Every container, in no order. */
  all(): ContainerSnapshot[];
  /** With the members of all API versions; `server/shapes` leaves out what one lacks. */
  inspect(reference: string, options?: { size?: boolean }): Promise<ContainerInspect>;
  /** The list of `GET /containers/json`, newest first. @throws invalid-parameter for filters */
  list(options: ListOptions): Promise<ContainerSummary[]>;
  /** For /info. */
  counts(): { total: number; running: number; paused: number; stopped: number };

  /** Framed as attach is (8-byte headers; raw for a terminal). */
  logs(reference: string, options: LogOptions): Promise<{ tty: boolean; stream: Readable }>;
  /** Resolves when the client has detached or the streams have ended. @throws not-found, conflict when it is paused */
  attach(reference: string, options: AttachOptions): Promise<void>;
  /** Processes of the container in the columns of `ps` with these arguments. @throws conflict, invalid-parameter */
  top(reference: string, psArgs: string): Promise<{ Titles: string[]; Processes: string[][] }>;
  /** One reading a second until `signal` (`stream`), or one. */
  stats(
    reference: string,
    options: { stream: boolean; oneShot: boolean; signal: AbortSignal },
  ): Promise<AsyncIterable<Record<string, unknown>>>;
  /** As `Layers.changes` has them. */
  changes(reference: string): Promise<Buffer[]>;
  /** The files of the container's root as a tar. @throws not-found */
  export(reference: string): Promise<Readable>;
  /**
   * Makes an image of a container's changes; returns its id. `changes` are Dockerfile instructions.
   * @throws not-found, invalid-parameter
   */
  commit(
    reference: string,
    options: {
      repository?: string;
      tag?: string;
      comment?: string;
      author?: string;
      pause: boolean;
      changes: string[];
      config?: Record<string, unknown>;
    },
  ): Promise<string>;
  /** A path in the container's root, as it sees it. @throws not-found for the container or the path */
  archiveStat(reference: string, path: string): ReturnType<Archive['stat']>;
  /** A path as a tar. @throws not-found for the container or the path */
  archiveGet(reference: string, path: string): ReturnType<Archive['get']>;
  /** Unpacks a tar into a folder of the container. @throws not-found, invalid-parameter, system for a read-only root or volume */
  archivePut(
    reference: string,
    path: string,
    tar: Readable,
    /** `copyUIDGID` gives everything to the container's user. */
    options: { noOverwriteDirNonDir: boolean; copyUIDGID: boolean; signal?: AbortSignal },
  ): Promise<void>;

  /**
   * Runs a command to its end; `timeout` in milliseconds, 0: without. `limit`: bytes that are kept of each output.
   * @throws conflict when the container does not run, invalid-parameter when the command can't be run.
   */
  execCapture(
    reference: string,
    options: { command: string[]; timeout: number; limit: number; signal: AbortSignal },
  ): Promise<Captured>;
  /** `checkUser` looks the user up now. @throws invalid-parameter for one that the container does not know. */
  execCreate(reference: string, config: ExecConfig, options?: { checkUser?: boolean }): Promise<string>;
  /** Without `connection` the exec is detached: resolves when it runs. With it: when the stream has ended. */
  execStart(
    execId: string,
    options: {
      tty?: boolean;
      consoleSize?: [height: number, width: number];
      /** The exit code of one that cannot be started tells the reason: 127 not found, 126 not to be run, else 128. */
      exitCodes?: boolean;
      /** The words of the client's version for an error that is told in the stream. */
      words?: (text: string) => string;
      connection?: (tty: boolean) => Promise<Duplex>;
    },
  ): Promise<void>;
  /** @throws not-found; an exec is forgotten five minutes after its end */
  execInspect(execId: string): ExecInspect;
  /** The size of the exec's terminal, in characters. @throws not-found, conflict when it does not run */
  execResize(execId: string, height: number, width: number): Promise<void>;

  /** Live connect and disconnect, or a change of what the next start does; for the network routes. */
  connect(network: string, reference: string, endpoint: Partial<EndpointSettings>): Promise<void>;
  /** `force`: also a container that is gone. @throws not-found, conflict */
  disconnect(network: string, reference: string, force: boolean): Promise<void>;

  /** Reconnects to what runs, clears what is left over, then applies restart policies (without waiting for the starts). */
  reconcile(): Promise<void>;
  /** The daemon stops; containers go on. */
  close(): void;
}
