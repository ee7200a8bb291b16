import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import {
  type AttachOptions,
  type ExecProcess,
  type ExitStatus,
  LaunchError,
  type LaunchRecord,
  type LogLoss,
  type LogPosition,
  type Supervisor,
} from './api.ts';
import { clientArguments, delayEnd, launchError, type OpenedStream, openStream } from './streams.ts';
import { HELPER_ANSWER, HELPER_SILENCE, isStopped } from './watchdog.ts';

const ESRCH = 3;
const EPIPE = 32;
const ETIMEDOUT = 110;
/** The part of the launcher that a supervisor's link needs. */
export interface Link {
  /** Sends a message to the supervisor. */
  send(records: LaunchRecord[]): void;
  /** The exit that the supervisor left in its folder, if it did. */
  lastExit(): ExitStatus | null;
  /** The daemon needs the supervisor no more. */
  drop(): void;
}

interface Deferred<T> {
  promise: Promise<T>;
  resolve(value: T): void;
  reject(error: Error): void;
}

function deferred<T>(): Deferred<T> {
  const made = Promise.withResolvers<T>();
  // Nobody may be waiting for it.
  made.promise.catch(() => undefined);
  return made;
}

/** A supervisor by its control connection: what it says arrives in `take`, what it is told goes through the link. */
export class ControlledSupervisor implements Supervisor {
  readonly id: string;
  readonly runFolder: string;
  pid = 0;
  foreign = false;
  oomKills = 0;
  early: Duplex[] = [];
  /** The launcher was lost before the program ran. */
  orphaned = false;
  readonly #link: Link;
  readonly #up = deferred<void>();
  readonly #exited = deferred<ExitStatus>();
  /** Requests that wait for their reply, by sequence number. */
  readonly #replies = new Map<string, Deferred<void> & { records: LaunchRecord[] }>();
  /** The supervisor's own process. */
  #process = 0;
  #sequence = 0;
  /** Clients that may detach, by token. */
  readonly #clients = new Map<string, Socket>();
  readonly #execs = new Map<string, ControlledExec>();
  #ended = false;
  #released = false;
  /** It was lost before it was released. */
  #gone = false;
  readonly #tidy = deferred<boolean>();
  #listening: (() => void) | undefined;
  #oomKilled: (() => void) | undefined;
  #logLost: ((loss: LogLoss) => void) | undefined;

  constructor(id: string, runFolder: string, link: Link) {
    this.id = id;
    this.runFolder = runFolder;
    this.#link = link;
  }

  get exited(): Promise<ExitStatus> {
    return this.#exited.promise;
  }

  /** Resolves when the program runs. @throws LaunchError why it does not. */
  get up(): Promise<void> {
    return this.#up.promise;
  }

  /** The supervisor is there to be reconnected to, should the launcher be lost. */
  get live(): boolean {
    return !this.#ended && this.pid > 0;
  }

  /** Runs a callback when the supervisor accepts connections, before the program runs. */
  whenListening(run: () => void): void {
    this.#listening = run;
  }

  whenOomKilled(run: () => void): void {
    this.#oomKilled = run;
    if (this.oomKills > 0) run();
  }

  whenLogLost(run: (loss: LogLoss) => void): void {
    this.#logLost = run;
  }

  /** Takes a message of the supervisor's in. */
  take(records: LaunchRecord[]): void {
    for (const record of records) this.#take(record);
  }

  #take([name, ...rest]: LaunchRecord): void {
    switch (name) {
      case 'listening':
        this.#listening?.();
        break;
      case 'process':
        this.#process = Number(rest[0]);
        break;
      case 'started':
        this.#process = Number(rest[1]);
        this.foreign = rest[2] === '1';
        this.#running(Number(rest[0]));
        break;
      case 'state':
        if (rest[0] !== this.id) {
          this.lost();
          break;
        }
        this.#process = Number(rest[2]);
        this.foreign = rest[3] === '1';
        // Requests given to the launcher before may have been lost with it; asking twice does no harm.
        for (const { records } of this.#replies.values()) this.#tell(records);
        // A supervisor that is still at its start says `started` or `failed` later.
        if (rest[1] !== '0') this.#running(Number(rest[1]));
        break;
      case 'failed':
        this.#up.reject(launchError(['failed', ...rest]));
        break;
      case 'oom':
        this.oomKills = Number(rest[0]);
        this.#oomKilled?.();
        break;
      case 'exited':
        this.#end({ code: Number(rest[0]), oomKilled: rest[1] === '1', finishedAt: rest[2]! });
        break;
      case 'exec':
        this.#execs.get(rest[0]!)?.started(Number(rest[1]));
        break;
      case 'exec-exited':
        this.#execs.get(rest[0]!)?.ended(Number(rest[1]));
        this.#execs.delete(rest[0]!);
        // Until it hears this it tells the end to every launcher anew: one that is killed may take the news along.
        this.#tell([['exec-seen', rest[0]!]]);
        break;
      case 'log-lost':
      case 'log-whole':
        this.#logLost?.({ lines: Number(rest[0]), reason: rest[1]!, over: name === 'log-whole' });
        break;
      case 'detached':
        this.#clients.get(rest[0]!)?.emit('detach');
        break;
      case 'reply':
        this.#reply(rest);
        break;
      case 'lost':
        this.lost();
        break;
    }
  }

  /** Says something that needs no answer; a launcher that is gone is no matter. */
  #tell(records: LaunchRecord[]): void {
    try {
      this.#link.send(records);
    } catch {
      // There is none, and none can be started: what is to be said is said when the next one asks.
    }
  }

  #running(pid: number): void {
    this.pid = pid;
    this.#up.resolve();
  }

  #reply([sequence, status, ...rest]: string[]): void {
    const waiting = this.#replies.get(sequence!);
    this.#replies.delete(sequence!);
    if (status === 'ok') waiting?.resolve();
    else waiting?.reject(launchError(['failed', ...rest]));
  }

  #end(exit: ExitStatus): void {
    this.#ended = true;
    this.#exited.resolve(exit);
    for (const exec of this.#execs.values()) exec.ended(EXEC_LOST);
    this.#execs.clear();
  }

  /** Something is waited for that the launcher has to bring. */
  get waiting(): boolean {
    return this.#replies.size > 0 || (this.pid === 0 && !this.#ended);
  }

  /** The launcher is gone; the supervisor goes on, and is reconnected to and asked again. */
  disconnected(): void {
    if (this.#released) {
      this.#goneUntidily();
      return;
    }
    if (this.pid > 0) return;
    for (const waiting of this.#replies.values())
      waiting.reject(new LaunchError('control', EPIPE, 'the launcher was lost'));
    this.#replies.clear();
    this.orphaned = true;
    this.#up.reject(new LaunchError('start', EPIPE, 'the launcher was lost'));
  }

  /** The supervisor is gone: what it left is the exit, or nobody will ever know. */
  lost(): void {
    if (this.#released) {
      // The folder is the last that it removes: one that was killed on its way out has left it.
      this.#tidy.resolve(!existsSync(this.runFolder));
      this.#link.drop();
      return;
    }
    this.#gone = true;
    const error = new LaunchError('start', ESRCH, "the container's supervisor was lost");
    for (const waiting of this.#replies.values()) waiting.reject(error);
    this.#replies.clear();
    this.#up.reject(error);
    if (!this.#ended) {
      const exit = this.#link.lastExit();
      if (exit) {
        this.#end(exit);
      } else {
        this.#exited.reject(error);
        for (const exec of this.#execs.values()) exec.ended(EXEC_LOST);
        this.#execs.clear();
      }
    }
    this.#ended = true;
    this.#link.drop();
  }

  /** Sends a request and waits for its reply. @throws LaunchError. */
  request(name: string, values: (string | number)[], ...more: LaunchRecord[]): Promise<void> {
    if (this.#ended) return Promise.reject(new LaunchError(name, ESRCH, 'the container has ended'));
    const sequence = String(++this.#sequence);
    const records: LaunchRecord[] = [[name, sequence, ...values.map(String)], ...more];
    const waiting = { ...deferred<void>(), records };
    this.#replies.set(sequence, waiting);
    const late = setTimeout(() => {
      this.#replies.delete(sequence);
      waiting.reject(new LaunchError(name, ETIMEDOUT, this.#silent));
    }, HELPER_ANSWER);
    const settled = () => clearTimeout(late);
    waiting.promise.then(settled, settled);
    try {
      this.#link.send(records);
    } catch (error) {
      this.#replies.delete(sequence);
      waiting.reject(error as Error);
    }
    return waiting.promise;
  }

  /** What is to be said of a supervisor that does not answer. */
  get #silent(): string {
    return `the container's supervisor does not answer: is the process ${this.#process} stopped?`;
  }

  /** Ends a supervisor that is stopped amid a start: the container's, which nobody knows yet, would never be up. */
  attendStart(): void {
    let seen = false;
    const timer = setInterval(() => {
      const stopped = this.#process > 1 && isStopped(this.#process);
      if (this.#process <= 1) this.#tell([['which']]);
      if (stopped && seen) this.end();
      seen = stopped;
    }, HELPER_SILENCE);
    timer.unref();
    const over = () => clearInterval(timer);
    this.up.then(over, over);
  }

  end(): void {
    if (this.#ended || this.#process <= 1) return;
    try {
      process.kill(this.#process, 'SIGKILL');
    } catch {
      // It has gone by itself; its launcher is telling.
    }
  }

  kill(signal: number): Promise<void> {
    return this.request('kill', [signal]);
  }

  resize(height: number, width: number): Promise<void> {
    return this.request('resize', [height, width]);
  }

  reopenLog(): Promise<void> {
    return this.request('log-reopen', []);
  }

  control(record: LaunchRecord): Promise<void> {
    return this.request('control', [], record);
  }

  async attach(options: AttachOptions): Promise<Duplex> {
    return this.connectClient(randomUUID(), options);
  }

  async attachBehindLog(options: AttachOptions): Promise<{ stream: Duplex; end: LogPosition | null }> {
    const token = randomUUID();
    const { stream, reply } = await this.#open([['attach', ...clientArguments(token, options), '1']]);
    this.#follow(stream, token, options);
    const [, file, size] = reply;
    return { stream, end: file ? { file, size: Number(size) } : null };
  }

  /** Attaches a client under a token that the supervisor may know already (`early`). */
  async connectClient(token: string, options: AttachOptions): Promise<Duplex> {
    const { stream } = await this.#open([['attach', ...clientArguments(token, options)]]);
    this.#follow(stream, token, options);
    return stream;
  }

  /**
   * A connection of its own to the supervisor. An exec in a frozen container is answered when that is thawed, so there is
   * no limit to the waiting, but for a supervisor that answers nothing else either.
   * @throws LaunchError ETIMEDOUT.
   */
  #open(message: LaunchRecord[]): Promise<OpenedStream> {
    return openStream(this.runFolder, message, () =>
      this.request('kill', [0]).catch((error) => {
        if (error instanceof LaunchError && error.errno === ETIMEDOUT) throw error;
      }),
    );
  }

  /** Lets a client hear of its detaching. */
  #follow(stream: Socket, token: string, options: AttachOptions): void {
    if (!options.detachKeys?.length) return;
    this.#clients.set(token, stream);
    delayEnd(stream, () => this.request('kill', [0]));
    stream.once('close', () => this.#clients.delete(token));
  }

  async exec(
    launch: LaunchRecord[],
    options: AttachOptions & { execId: string; tty: boolean },
  ): Promise<ExecProcess> {
    const { execId, tty } = options;
    if (this.#ended) throw new LaunchError('exec', ESRCH, 'the container has ended');
    const token = randomUUID();
    const head: LaunchRecord = ['exec', execId, tty ? '1' : '0', ...clientArguments(token, options)];
    const exec = new ControlledExec(this, execId);
    // Known from here on: the news of its end may overtake the answer.
    this.#execs.set(execId, exec);
    try {
      // Over a connection of its own: the answer comes whatever becomes of the launcher.
      const { stream, reply } = await this.#open([head, ...launch]);
      exec.started(Number(reply[1]));
      if (options.stdin || options.stdout || options.stderr) {
        this.#follow(stream, token, options);
        exec.stream = stream;
      } else {
        stream.destroy();
      }
    } catch (error) {
      this.#execs.delete(execId);
      throw error;
    }
    return exec;
  }

  release(): Promise<boolean> {
    if (this.#released) return this.#tidy.promise;
    this.#released = true;
    // Replies that are on their way come no more.
    for (const waiting of this.#replies.values())
      waiting.reject(new LaunchError('control', ESRCH, 'the container has ended'));
    this.#replies.clear();
    if (this.#gone) {
      this.#tidy.resolve(false);
      return this.#tidy.promise;
    }
    try {
      this.#link.send([['release']]);
    } catch {
      // Without a daemon to release it, the supervisor goes by itself.
      this.#goneUntidily();
    }
    return this.#tidy.promise;
  }

  /** It may have left its folder: the launcher that would have told of its end is gone. */
  #goneUntidily(): void {
    this.#tidy.resolve(false);
    this.#link.drop();
  }
}

/** The exit code of an exec that nobody saw end, as Docker shows one that its container took along. */
const EXEC_LOST = 137;

class ControlledExec implements ExecProcess {
  readonly execId: string;
  pid = 0;
  stream: Duplex | null = null;
  readonly #supervisor: ControlledSupervisor;
  readonly #exited = deferred<number>();

  constructor(supervisor: ControlledSupervisor, execId: string) {
    this.#supervisor = supervisor;
    this.execId = execId;
  }

  get exited(): Promise<number> {
    return this.#exited.promise;
  }

  started(pid: number): void {
    this.pid = pid;
  }

  ended(code: number): void {
    this.#exited.resolve(code);
  }

  resize(height: number, width: number): Promise<void> {
    return this.#supervisor.request('exec-resize', [this.execId, height, width]);
  }

  kill(signal: number): Promise<void> {
    return this.#supervisor.request('exec-kill', [this.execId, signal]);
  }
}
