import type { Duplex } from 'node:stream';

/** One instruction of a launch: its name and its arguments. Strings hold no NUL. See c/container/spec/spec.h for all names. */
export type LaunchRecord = [name: string, ...arguments_: string[]];

/** The log of a container's output. */
export interface LogOptions {
  /** `cri`: the lines of the Container Runtime Interface, in a file that somebody else rotates. */
  driver: 'json-file' | 'local' | 'cri' | 'none';
  /** The file the supervisor writes; rotated files get `.1`, `.2.gz`... */
  path: string;
  maxSize: number; // bytes, 0: no rotation
  maxFile: number;
  compress: boolean;
  /** Attributes for json-file's `attrs`. */
  attrs?: Record<string, string>;
  /** The file that tells how far the log is delivered (c/supervisor/log/position.h), for a driver that sends it elsewhere. */
  position?: string;
  /** How many bytes may wait for delivery before the container's output is not read; 0, or absent: any number. */
  limit?: number;
}

/** The end of a container's first process. */
export interface ExitStatus {
  /** 0-255; 128+n for a signal n, as docker shows it. */
  code: number;
  oomKilled: boolean;
  /** Nanoseconds since the epoch, as a decimal string. */
  finishedAt: string;
}

/** A start or an exec that failed: `stage` names its part (`exec`, `mount`, ...), `errno` is the kernel's reason. */
export class LaunchError extends Error {
  readonly stage: string;
  readonly errno: number;
  /** The step that failed, of the tables in `c/container/start.c`, `exec.c` and `process/process.c`; or ''. */
  readonly step: string;

  /** As the C side told it: a record `failed` with these members. */
  constructor(stage: string, errno: number, message: string, step = '') {
    super(message);
    this.name = 'LaunchError';
    this.stage = stage;
    this.errno = errno;
    this.step = step;
  }
}

/** The streams of a process that a client takes part in. */
export interface AttachOptions {
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
  /** Bytes that end the stream when typed; the stream then emits `detach` besides ending. */
  detachKeys?: Buffer;
}

/** The end of a log: the file, as `device:inode`, and how many of its bytes. */
export interface LogPosition {
  file: string;
  size: number;
}

/**
 * Entries that a log could not take, and the system's reason. `over`: there is room again, the log has a note in
 * their place.
 */
export interface LogLoss {
  lines: number;
  reason: string;
  over: boolean;
}

/** One container's supervisor, as the daemon sees it. */
export interface Supervisor {
  readonly id: string;
  /** The container's first process, as the host numbers it. */
  readonly pid: number;
  /** The container runs under another OCI runtime, which its execs are launched by, too. */
  readonly foreign: boolean;
  /** Resolves when the container's first process has ended (also when it ended while no daemon was there). */
  readonly exited: Promise<ExitStatus>;
  /** How often the kernel's OOM killer has struck in the container, as far as its supervisor has told. */
  readonly oomKills: number;
  /** Calls `run` whenever `oomKills` has grown, always before `exited` resolves; at once when it is not 0. */
  whenOomKilled(run: () => void): void;
  /** Sends a signal to the first process. */
  kill(signal: number): Promise<void>;
  resize(height: number, width: number): Promise<void>;
  /**
   * Opens a stream of the container's stdio. Output is framed as the Docker API frames it (8-byte headers; raw for a
   * terminal). Ending the writable side closes the container's stdin (when stdinOnce asks for it). The stream ends when
   * the process has ended and all output was sent. `detachKeys`, as bytes, end the stream when typed; the stream then
   * also emits `detach`.
   */
  attach(options: AttachOptions): Promise<Duplex>;
  /**
   * The same for a client that is first sent the log: up to `end`, where the stream goes on (with the lines that are not
   * finished, which are not in the log yet), so that each byte of the output comes once. `end` is null without a log.
   */
  attachBehindLog(options: AttachOptions): Promise<{ stream: Duplex; end: LogPosition | null }>;
  /** Calls `run` when the log begins to lose entries, and when it has room again. */
  whenLogLost(run: (loss: LogLoss) => void): void;
  /** The streams asked for by `StartOptions.attach`, in its order: open since before the program ran. */
  readonly early: Duplex[];
  /**
   * Starts a further process in the container. The stream is as for attach; null when no stdio is wanted.
   * @throws LaunchError stage `exec` (errno ENOENT/EACCES: 127/126).
   */
  exec(
    launch: LaunchRecord[],
    options: AttachOptions & { execId: string; tty: boolean },
  ): Promise<ExecProcess>;
  /** Renames, changes of log options, name-service reloads...: a record for the supervisor to take in while it runs. */
  control(record: LaunchRecord): Promise<void>;
  /** Has the log go on in a new file after somebody has moved the old one away. */
  reopenLog(): Promise<void>;
  /** Kills the supervisor itself, and with it what it runs: for one that does not answer. `exited` then rejects. */
  end(): void;
  /**
   * The daemon has taken the exit in: the supervisor may go.
   * @returns once it is gone, whether in order; false: its folder may be left, for it was killed, or the launcher was lost.
   */
  release(): Promise<boolean>;
}

/** A process that `docker exec` added to a container. `exited` resolves with its exit code. */
export interface ExecProcess {
  readonly execId: string;
  readonly pid: number;
  readonly stream: Duplex | null;
  readonly exited: Promise<number>;
  /** Sets the size of its terminal, in characters. @throws LaunchError without one */
  resize(height: number, width: number): Promise<void>;
  kill(signal: number): Promise<void>;
}

/** A container's start. */
export interface StartOptions {
  id: string;
  /** The container's folder under exec-root (sockets, pid, exit record); made by the launcher, 0700. */
  runFolder: string;
  launch: LaunchRecord[];
  log: LogOptions;
  openStdin: boolean;
  stdinOnce: boolean;
  tty: boolean;
  /** Streams to open before the program runs, so that they miss none of its output; see `Supervisor.early`. */
  attach?: AttachOptions[];
}

/** A program that is run with an input, for its output. */
export interface PluginCall {
  path: string;
  input: string;
  /** All of its environment. */
  environment: Readonly<Record<string, string>>;
  /** How long it may take, in milliseconds. */
  patience: number;
}

/** How such a program ended, and what it wrote: at most 1 MiB of output and 4 KiB of errors. */
export interface PluginEnd {
  /** `long` and `late` were killed: for an output that is longer, and for taking too long. */
  how: 'exit' | 'signal' | 'long' | 'late';
  /** The exit code, or the signal. */
  number: number;
  output: string;
  errors: string;
}

/** The daemon's one helper for starting containers. */
export interface Launcher {
  /** @throws LaunchError: nothing is left of the container in the kernel but its cgroup. */
  start(options: StartOptions): Promise<Supervisor>;
  /**
   * Makes or lets go the namespaces of a pod, as c/pod/pod.h says; the first record is `pod`. Resolves with the number of
   * the process that keeps its PID namespace, or 0. @throws LaunchError: nothing is left then.
   */
  pod(records: LaunchRecord[]): Promise<number>;
  /** Runs a program of others that a pod's network is made by, as c/pod/plugin.h says. @throws LaunchError when it cannot be run */
  plugin(call: PluginCall): Promise<PluginEnd>;
  /** Resolves when no start of an earlier launcher is on its way any more: each can be reconnected to, or has ended. */
  ready(): Promise<void>;
  /** Connects to a supervisor started by an earlier daemon; null when there is none (see `lastExit`). */
  reconnect(id: string, runFolder: string): Promise<Supervisor | null>;
  /** The exit that a supervisor recorded before it went, if it did. */
  lastExit(runFolder: string): ExitStatus | null;
  close(): void;
}
