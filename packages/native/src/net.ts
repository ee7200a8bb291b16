import { type ChildProcess, spawn } from 'node:child_process';
import { LaunchError, type LaunchRecord } from './api.ts';
import { encodeFrame, FrameReader } from './frame.ts';
import { Watchdog } from './watchdog.ts';

const EPIPE = 32;

/** Why a network operation failed: `stage` names the step, `errno` the kernel's reason, `index` the operation. */
export class NetError extends Error {
  readonly stage: string;
  readonly errno: number;
  readonly index: number;

  constructor(stage: string, errno: number, message: string, index = 0) {
    super(message);
    this.name = 'NetError';
    this.stage = stage;
    this.errno = errno;
    this.index = index;
  }

  /** The worker ended before it answered: nobody knows how much was done, and nothing holds what was made. */
  get workerLost(): boolean {
    return this.stage === 'net' && this.errno === EPIPE;
  }
}

/** The result of one operation: the values of its `ok` record, and the rows before it. */
export interface NetResult {
  values: string[];
  rows: LaunchRecord[];
}

/** The worker that does the kernel's networking for the daemon (`berth-native net`; see c/network/net.h for the operations). */
export interface NetWorker {
  /** Works off the operations in their order, up to the first that fails. @throws NetError. */
  call(...operations: LaunchRecord[]): Promise<NetResult[]>;
  /** The process id, once it runs; its /proc/PID/fd holds the namespaces. */
  readonly pid: number;
  close(): void;
}

export interface NetWorkerOptions {
  /** The path of berth-native. */
  program: string;
  /** Marks this daemon's links in the kernel (a link group). */
  group: number;
  /** The name of this daemon's nftables table. */
  table: string;
  /** Called when another program changed that table. */
  onTableChanged: () => void;
  /** The worker ended by itself: its sockets, and namespaces it held and that no container joined, are gone. */
  onEnded: () => void;
  /**
   * A new one was started: the kernel may hold what the one before had begun. What is asked of it at once comes before
   * everything that is asked again.
   */
  onRestart: () => void;
}

interface Waiting {
  operations: LaunchRecord[];
  resolve: (results: NetResult[]) => void;
  reject: (error: Error) => void;
  /** The request was given to a worker that ended without an answer. */
  again: boolean;
}

/**
 * Operations that leave the same behind when they are carried out twice, the second time by a worker that has nothing of
 * what the first one held: a half-made interface of a container is for its owner to take away, not to be made over.
 */
const REPEATABLE = new Set([
  ...['addresses', 'bridge', 'elements', 'forget', 'link', 'links', 'listen', 'release', 'routes'],
  ...['stats', 'taken', 'unlink', 'unplug'],
]);
/** How soon after its last start the worker is started again, at the earliest, in milliseconds: one that can't start must not spin. */
const RESTART_PAUSE = 500;
/** The worker's own request, which every worker answers at once. */
const PING = 0xffffffff;

/** Starts the worker; it ends with `close()` or with this process. One that was killed, stopped or hangs is replaced. */
export function startNetWorker(options: NetWorkerOptions): NetWorker {
  return new Worker(options);
}

class Worker implements NetWorker {
  readonly #options: NetWorkerOptions;
  readonly #waiting = new Map<number, Waiting>();
  #child: ChildProcess | undefined;
  #next = 1;
  #closed = false;
  #startedAt = 0;
  readonly #watchdog = new Watchdog({
    waiting: () => this.#waiting.size > 0,
    ping: () => this.#write(PING, [['ping']]),
    // A child that was not waited for yet keeps its number: no other process can be hit.
    hung: () => void this.#child?.kill('SIGKILL'),
  });

  constructor(options: NetWorkerOptions) {
    this.#options = options;
    this.#start();
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  call(...operations: LaunchRecord[]): Promise<NetResult[]> {
    if (this.#closed) return Promise.reject(new NetError('net', EPIPE, 'the network worker does not run'));
    const id = this.#next;
    this.#next = id >= PING - 1 ? 1 : id + 1;
    return new Promise((resolve, reject) => {
      const frame = encode(id, operations);
      this.#waiting.set(id, { operations, resolve, reject, again: false });
      // Without a worker it waits for the next one, which is being started.
      if (this.#child) this.#child.stdin!.write(frame);
      this.#watchdog.attend();
    });
  }

  close(): void {
    this.#closed = true;
    this.#child?.stdin?.destroy();
    // It has nothing to tidy up, and a worker that is stopped would not hear of anything gentler.
    this.#child?.kill('SIGKILL');
  }

  #write(id: number, operations: LaunchRecord[]): void {
    this.#child?.stdin?.write(encode(id, operations));
  }

  #start(): void {
    const { program, group, table } = this.#options;
    const child = spawn(program, ['net', String(group), table], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#child = child;
    this.#startedAt = Date.now();
    this.#watchdog.heard();
    const reader = new FrameReader();
    child.stdout.on('data', (chunk: Buffer) => {
      this.#watchdog.heard();
      reader.push(chunk);
      for (let frame = reader.next(); frame; frame = reader.next()) this.#take(frame.handle, frame.records);
    });
    child.stdin.on('error', () => {});
    child.on('error', () => {});
    child.on('close', () => this.#ended(child));
  }

  #ended(child: ChildProcess): void {
    if (this.#child !== child) return;
    this.#child = undefined;
    for (const [id, waiting] of this.#waiting) {
      const repeatable = waiting.operations.every(([name]) => REPEATABLE.has(name));
      if (!this.#closed && repeatable && !waiting.again) {
        waiting.again = true;
        continue;
      }
      this.#waiting.delete(id);
      waiting.reject(
        new NetError('net', EPIPE, 'the network worker ended; what was asked of it was not done'),
      );
    }
    if (this.#closed) return;
    this.#options.onEnded();
    const pause = Math.max(0, this.#startedAt + RESTART_PAUSE - Date.now());
    setTimeout(() => {
      if (this.#closed) return;
      const again = [...this.#waiting];
      this.#start();
      this.#options.onRestart();
      for (const [id, { operations }] of again) this.#write(id, operations);
    }, pause);
  }

  #take(id: number, records: LaunchRecord[]): void {
    if (id === 0) {
      this.#options.onTableChanged();
      return;
    }
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    const results: NetResult[] = [];
    let rows: LaunchRecord[] = [];
    for (const record of records) {
      if (record[0] === 'ok') {
        results.push({ values: record.slice(1), rows });
        rows = [];
      } else if (record[0] === 'error') {
        const [, index, stage, errno, message] = record;
        waiting?.reject(new NetError(stage!, Number(errno), message!, Number(index)));
        return;
      } else {
        rows.push(record);
      }
    }
    waiting?.resolve(results);
  }
}

/** @throws NetError: a string that no operation can hold. */
function encode(id: number, operations: readonly LaunchRecord[]): Buffer {
  try {
    return encodeFrame(id, operations);
  } catch (error) {
    if (error instanceof LaunchError) throw new NetError('net', error.errno, error.message);
    throw error;
  }
}
