import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import type { LaunchRecord } from './api.ts';

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
  /** Somebody else changed that table. */
  onTableChanged: () => void;
  /** The worker ended by itself and a new one was started: namespaces it held and that no container joined are gone. */
  onRestart: () => void;
}

interface Waiting {
  resolve: (results: NetResult[]) => void;
  reject: (error: Error) => void;
}

/** Starts the worker; it ends with `close()` or with this process. */
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

  constructor(options: NetWorkerOptions) {
    this.#options = options;
    this.#start();
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  call(...operations: LaunchRecord[]): Promise<NetResult[]> {
    const input = this.#child?.stdin as Writable | undefined;
    if (!input?.writable) return Promise.reject(new NetError('net', 32, 'the network worker does not run'));
    const id = this.#next;
    this.#next = id >= 0xffffffff ? 1 : id + 1;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      input.write(frame(id, operations));
    });
  }

  close(): void {
    this.#closed = true;
    this.#child?.stdin?.destroy();
    this.#child?.kill();
  }

  #start(): void {
    const { program, group, table } = this.#options;
    const child = spawn(program, ['net', String(group), table], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#child = child;
    this.#startedAt = Date.now();
    read(child.stdout, (id, records) => this.#take(id, records));
    child.stdin.on('error', () => {});
    child.on('error', () => {});
    child.on('close', () => this.#ended(child));
  }

  #ended(child: ChildProcess): void {
    if (this.#child !== child) return;
    for (const waiting of this.#waiting.values())
      waiting.reject(new NetError('net', 32, 'the network worker ended'));
    this.#waiting.clear();
    if (this.#closed) return;
    // One that can't even start is not to spin.
    const delay = Date.now() - this.#startedAt < 1000 ? 500 : 0;
    setTimeout(() => {
      if (this.#closed) return;
      this.#start();
      this.#options.onRestart();
    }, delay);
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

function frame(id: number, records: LaunchRecord[]): Buffer {
  const parts: Buffer[] = [Buffer.alloc(8)];
  let size = 8;
  for (const record of records) {
    for (const text of record) if (text.includes('\0')) throw new NetError('net', 22, 'a string with a NUL');
    const body = Buffer.from(`\0${record.join('\0')}\0`);
    body[0] = record.length;
    parts.push(body);
    size += body.length;
  }
  parts[0]!.writeUInt32LE(size - 4, 0);
  parts[0]!.writeUInt32LE(id, 4);
  return Buffer.concat(parts, size);
}

/** Cuts a stream into frames and parses their records. */
function read(stream: Readable, take: (id: number, records: LaunchRecord[]) => void): void {
  let pending: Buffer = Buffer.alloc(0);
  stream.on('data', (chunk: Buffer) => {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    while (pending.length >= 8) {
      const length = pending.readUInt32LE(0);
      if (pending.length < 4 + length) break;
      take(pending.readUInt32LE(4), parse(pending.subarray(8, 4 + length)));
      pending = pending.subarray(4 + length);
    }
  });
}

function parse(bytes: Buffer): LaunchRecord[] {
  const records: LaunchRecord[] = [];
  let at = 0;
  while (at < bytes.length) {
    const count = bytes[at++]!;
    const strings: string[] = [];
    for (let i = 0; i < count; i++) {
      const end = bytes.indexOf(0, at);
      strings.push(bytes.toString('utf8', at, end));
      at = end + 1;
    }
    records.push(strings as unknown as LaunchRecord);
  }
  return records;
}
