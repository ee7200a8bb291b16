import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
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
} from '../api.ts';
import { HELPER_SILENCE, isStopped } from '../watchdog.ts';
import { Clients } from './clients.ts';
import { deferred } from './deferred.ts';
import { type ExecOptions, Execs } from './execs.ts';
import type { Link } from './link.ts';
import { supervisorNews } from './news.ts';
import { Requests } from './requests.ts';

const ESRCH = 3;
const EPIPE = 32;

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
  readonly #requests = new Requests({
    send: (records) => this.#link.send(records),
    ended: (name) => (this.#ended ? new LaunchError(name, ESRCH, 'the container has ended') : undefined),
    silence: () => `the container's supervisor does not answer: is the process ${this.#process} stopped?`,
  });
  /** The supervisor's own process. */
  #process = 0;
  readonly #clients: Clients;
  readonly #execs: Execs;
  #ended = false;
  #released = false;
  /** The supervisor was lost before it was released. */
  #gone = false;
  readonly #tidy = deferred<boolean>();
  #listening: (() => void) | undefined;
  #oomKilled: (() => void) | undefined;
  #logLost: ((loss: LogLoss) => void) | undefined;

  constructor(id: string, runFolder: string, link: Link) {
    this.id = id;
    this.runFolder = runFolder;
    this.#link = link;
    this.#clients = new Clients(runFolder, this.#requests);
    this.#execs = new Execs(this.#clients, this.#requests);
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

  #take(record: LaunchRecord): void {
    const news = supervisorNews(record);
    switch (news?.name) {
      case 'listening':
        this.#listening?.();
        break;
      case 'process':
        this.#process = news.process;
        break;
      case 'started':
        this.#process = news.process;
        this.foreign = news.foreign;
        this.#running(news.pid);
        break;
      case 'state':
        if (news.id !== this.id) {
          this.lost();
          break;
        }
        this.#process = news.process;
        this.foreign = news.foreign;
        // Requests given to the launcher before may have been lost with it; asking twice does no harm.
        for (const records of this.#requests.messages) this.#tell(records);
        // A supervisor that is still at its start says `started` or `failed` later.
        if (news.pid !== 0) this.#running(news.pid);
        break;
      case 'failed':
        this.#up.reject(news.error);
        break;
      case 'oom':
        this.oomKills = news.kills;
        this.#oomKilled?.();
        break;
      case 'exited':
        this.#end(news.exit);
        break;
      case 'exec':
        this.#execs.started(news.execId, news.pid);
        break;
      case 'exec-exited':
        this.#execs.ended(news.execId, news.code);
        // Until it hears this it tells the end to every launcher anew: one that is killed may take the news along.
        this.#tell([['exec-seen', news.execId]]);
        break;
      case 'log':
        this.#logLost?.(news.loss);
        break;
      case 'detached':
        this.#clients.detached(news.token);
        break;
      case 'reply':
        this.#requests.answered(news.sequence, news.error);
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

  #end(exit: ExitStatus): void {
    this.#ended = true;
    this.#exited.resolve(exit);
    this.#execs.lost();
  }

  /** Something is waited for that the launcher has to bring. */
  get waiting(): boolean {
    return this.#requests.count > 0 || (this.pid === 0 && !this.#ended);
  }

  /** The launcher is gone; the supervisor goes on, and is reconnected to and asked again. */
  disconnected(): void {
    if (this.#released) {
      this.#goneUntidily();
      return;
    }
    if (this.pid > 0) return;
    this.#requests.fail(new LaunchError('control', EPIPE, 'the launcher was lost'));
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
    this.#requests.fail(error);
    this.#up.reject(error);
    if (!this.#ended) {
      const exit = this.#link.lastExit();
      if (exit) {
        this.#end(exit);
      } else {
        this.#exited.reject(error);
        this.#execs.lost();
      }
    }
    this.#ended = true;
    this.#link.drop();
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
    return this.#requests.send('kill', [signal]);
  }

  resize(height: number, width: number): Promise<void> {
    return this.#requests.send('resize', [height, width]);
  }

  reopenLog(): Promise<void> {
    return this.#requests.send('log-reopen', []);
  }

  control(record: LaunchRecord): Promise<void> {
    return this.#requests.send('control', [], record);
  }

  attach(options: AttachOptions): Promise<Duplex> {
    return this.connectClient(randomUUID(), options);
  }

  attachBehindLog(options: AttachOptions): Promise<{ stream: Duplex; end: LogPosition | null }> {
    return this.#clients.attachBehindLog(options);
  }

  /** Attaches a client under a token that the supervisor may know already (`early`). */
  connectClient(token: string, options: AttachOptions): Promise<Duplex> {
    return this.#clients.attach(token, options);
  }

  async exec(launch: LaunchRecord[], options: ExecOptions): Promise<ExecProcess> {
    if (this.#ended) throw new LaunchError('exec', ESRCH, 'the container has ended');
    return this.#execs.start(launch, options);
  }

  release(): Promise<boolean> {
    if (this.#released) return this.#tidy.promise;
    this.#released = true;
    // Replies that are on their way come no more.
    this.#requests.fail(new LaunchError('control', ESRCH, 'the container has ended'));
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

  /** Ends a supervisor that may have left its folder behind: the launcher that would have told of its end is gone. */
  #goneUntidily(): void {
    this.#tidy.resolve(false);
    this.#link.drop();
  }
}
