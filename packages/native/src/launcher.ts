import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { closeSync, openSync, readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type AttachOptions,
  type ExitStatus,
  LaunchError,
  type Launcher,
  type LaunchRecord,
  type PluginCall,
  type PluginEnd,
  type StartOptions,
  type Supervisor,
} from './api.ts';
import { encodeFrame, FrameReader } from './frame.ts';
import { PluginRunner, PodMaker, pluginRecords } from './pod.ts';
import { startRecords } from './supervisor/messages.ts';
import { ControlledSupervisor } from './supervisor/supervisor.ts';
import { HELPER_ANSWER, Watchdog } from './watchdog.ts';

const EPIPE = 32;
const SIGKILL = 9;
/** How long after its end there may be something of a launcher's to be read, in milliseconds. */
const DRAIN_TIME = 200;

/** How long a launcher is waited for that waits for an earlier one's end, in milliseconds: it gives up sooner itself. */
const READY_TIMEOUT = 10_000;
/** How soon after its last start the launcher is started again, at the earliest, in milliseconds: one that can't start must not spin. */
const RESTART_PAUSE = 500;

/** How long a supervisor that was just forked takes to accept connections, at most, in milliseconds. */
const ORPHAN_PAUSE = 100;

/** How often a client is connected before its container starts, and the milliseconds between. */
const EARLY_ATTEMPTS = 20;
const EARLY_PAUSE = 50;

export interface LauncherOptions {
  /** The path of berth-native. */
  program: string;
  /** A file that one launcher at a time has locked: the next one waits until nothing of it is still about to run. */
  lockFile?: string;
  /** Something went wrong that no call will tell. */
  onWarning?: (message: string) => void;
}

/**
 * Starts the launcher (`berth-native launcher`), which ends with `close()` or with this process; supervisors live on. One
 * that was killed is started again, and what still runs is reconnected to.
 */
export function openLauncher(options: LauncherOptions): Launcher {
  return new NativeLauncher(options);
}

class NativeLauncher implements Launcher {
  readonly #options: LauncherOptions;
  readonly #supervisors = new Map<number, ControlledSupervisor>();
  /** Pods that are being made and plugins that run, by handle. */
  readonly #pods = new Map<number, PodMaker | PluginRunner>();
  #socket: Socket | undefined;
  #startedAt = 0;
  #lastHandle = 0;
  #closed = false;
  #child: ChildProcess | undefined;
  readonly #watchdog = new Watchdog({
    waiting: () => this.#pods.size > 0 || [...this.#supervisors.values()].some(({ waiting }) => waiting),
    ping: () => this.#socket?.write(encodeFrame(0, [['ping']])),
    hung: () => {
      this.#options.onWarning?.('the launcher does not answer; it is replaced');
      this.#child?.kill('SIGKILL');
    },
  });
  /** Resolved with the first word of a launcher. */
  readonly #answered = Promise.withResolvers<void>();

  constructor(options: LauncherOptions) {
    this.#options = options;
    this.#connection();
  }

  async start(options: StartOptions): Promise<Supervisor> {
    const { handle, supervisor } = this.#watch(options.id, options.runFolder);
    const clients = (options.attach ?? []).map((attach) => ({ token: randomUUID(), attach }));
    const early: Promise<unknown>[] = [];
    supervisor.whenListening(() => {
      for (const [index, { token, attach }] of clients.entries())
        early.push(this.#attachEarly(supervisor, index, token, attach));
    });
    try {
      this.#send(handle, startRecords(options, clients));
      supervisor.attendStart();
      await supervisor.up;
      // All have connected, or the supervisor would not have started; this end may still be about to hear of it.
      await Promise.all(early);
    } catch (error) {
      this.#supervisors.delete(handle);
      for (const stream of supervisor.early) stream?.destroy();
      if (supervisor.orphaned) await this.#undo(options.id, options.runFolder);
      throw error;
    }
    return supervisor;
  }

  pod(records: LaunchRecord[]): Promise<number> {
    return this.#ask(new PodMaker(), records);
  }

  plugin(call: PluginCall): Promise<PluginEnd> {
    return this.#ask(new PluginRunner(), pluginRecords(call));
  }

  async #ask<Answer>(
    asked: (PodMaker | PluginRunner) & { done: Promise<Answer> },
    records: LaunchRecord[],
  ): Promise<Answer> {
    const handle = ++this.#lastHandle;
    this.#pods.set(handle, asked);
    try {
      this.#send(handle, records);
      return await asked.done;
    } finally {
      this.#pods.delete(handle);
    }
  }

  /** The launcher was lost during a start, which may succeed without it: ends what there is then. */
  async #undo(id: string, runFolder: string): Promise<void> {
    await sleep(ORPHAN_PAUSE);
    const supervisor = await this.reconnect(id, runFolder).catch(() => null);
    if (!supervisor) return;
    await supervisor.kill(SIGKILL).catch(() => undefined);
    await supervisor.exited.catch(() => undefined);
    supervisor.release();
  }

  async #attachEarly(
    supervisor: ControlledSupervisor,
    index: number,
    token: string,
    options: AttachOptions,
  ): Promise<void> {
    // Without its clients the supervisor does not start. What fails on this side, for want of a descriptor, may pass.
    for (let left = EARLY_ATTEMPTS; left > 0; left--) {
      const stream = await supervisor.connectClient(token, options).catch(() => undefined);
      if (stream) {
        supervisor.early[index] = stream;
        return;
      }
      await sleep(EARLY_PAUSE);
    }
  }

  async reconnect(id: string, runFolder: string): Promise<Supervisor | null> {
    const { handle, supervisor } = this.#watch(id, runFolder);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new LaunchError('reconnect', 110, `the supervisor of ${id} does not answer`)),
        HELPER_ANSWER,
      );
    });
    try {
      this.#send(handle, [['adopt', runFolder]]);
      await Promise.race([supervisor.up, late]);
      return supervisor;
    } catch (error) {
      this.#supervisors.delete(handle);
      if (error instanceof LaunchError && error.stage !== 'reconnect') return null;
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  async ready(): Promise<void> {
    this.#send(0, [['ping']]);
    const late = new AbortController();
    await Promise.race([this.#answered.promise, sleep(READY_TIMEOUT, undefined, { signal: late.signal })]);
    late.abort();
  }

  lastExit(runFolder: string): ExitStatus | null {
    try {
      const { code, oomKilled, finishedAt } = JSON.parse(
        readFileSync(join(runFolder, 'exit'), 'utf8'),
      ) as ExitStatus;
      return { code, oomKilled, finishedAt };
    } catch {
      return null;
    }
  }

  close(): void {
    this.#closed = true;
    this.#socket?.destroy();
  }

  #watch(id: string, runFolder: string): { handle: number; supervisor: ControlledSupervisor } {
    const handle = ++this.#lastHandle;
    const supervisor = new ControlledSupervisor(id, runFolder, {
      send: (records) => this.#send(handle, records),
      lastExit: () => this.lastExit(runFolder),
      drop: () => this.#supervisors.delete(handle),
    });
    this.#supervisors.set(handle, supervisor);
    return { handle, supervisor };
  }

  /** @throws LaunchError when there is no launcher and none can be started. */
  #send(handle: number, records: LaunchRecord[]): void {
    const frame = encodeFrame(handle, records);
    this.#connection().write(frame);
    this.#watchdog.attend();
  }

  /** The socket to the launcher, which is started when there is none. */
  #connection(): Socket {
    if (this.#closed) throw new LaunchError('launcher', EPIPE, 'the launcher was closed');
    if (this.#socket?.writable) return this.#socket;
    // Its end is known and not told yet: those that wait for it hear of it before another one takes its place.
    if (this.#socket) this.#gone(this.#socket);
    const { program, lockFile } = this.#options;
    const lock = lockFile === undefined ? undefined : openSync(lockFile, 'a', 0o600);
    const child = spawn(program, ['launcher'], {
      stdio: ['ignore', 'ignore', 'inherit', 'pipe', ...(lock === undefined ? [] : [lock])],
      cwd: '/',
      env: fallbacks(),
    });
    if (lock !== undefined) closeSync(lock);
    this.#startedAt = Date.now();
    this.#watchdog.heard();
    this.#child = child;
    const socket = child.stdio[3] as Socket;
    this.#socket = socket;
    const reader = new FrameReader();
    socket.on('data', (chunk: Buffer) => {
      this.#watchdog.heard();
      this.#answered.resolve();
      reader.push(chunk);
      for (let frame = reader.next(); frame; frame = reader.next())
        (this.#supervisors.get(frame.handle) ?? this.#pods.get(frame.handle))?.take(frame.records);
    });
    socket.on('error', () => undefined);
    socket.on('close', () => this.#gone(socket));
    // A process that it forked may hold the other end of the socket: then its own end is all that tells. What it had
    // written before is read first.
    child.on('exit', () => setTimeout(() => socket.destroy(), DRAIN_TIME).unref());
    child.on('error', (error) => {
      this.#options.onWarning?.(`the launcher can't be started: ${error.message}`);
      socket.destroy();
    });
    // Before anything else is said to them; what was asked of a launcher that is gone has been answered as failed.
    for (const [handle, supervisor] of this.#supervisors)
      if (supervisor.live) socket.write(encodeFrame(handle, [['adopt', supervisor.runFolder]]));
    return socket;
  }

  /** The launcher has ended. Those supervisors that run are reconnected to, for their ends are waited for. */
  #gone(socket: Socket): void {
    if (this.#socket !== socket) return;
    this.#socket = undefined;
    for (const supervisor of this.#supervisors.values()) supervisor.disconnected();
    for (const maker of this.#pods.values()) maker.take([['lost']]);
    if (this.#closed) return;
    this.#options.onWarning?.('the launcher ended by itself');
    if (this.#supervisors.size === 0) return;
    const pause = Math.max(0, this.#startedAt + RESTART_PAUSE - Date.now());
    setTimeout(() => {
      if (!this.#closed) this.#connection();
    }, pause);
  }
}

/**
 * The variables of the daemon's environment that force the fallbacks for older kernels; all others are none of a
 * container's business.
 */
function fallbacks(): Record<string, string> {
  const names = ['BERTH_STAGED_OVERLAY', 'BERTH_NO_FILE_MOUNTS', 'BERTH_PROC_OF_OTHER'];
  return Object.fromEntries(names.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])));
}
