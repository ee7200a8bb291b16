import { randomUUID } from 'node:crypto';
import type { Duplex } from 'node:stream';
import type { AttachOptions, ExecProcess, LaunchRecord } from '../api.ts';
import type { Clients } from './clients.ts';
import { deferred } from './deferred.ts';
import { execRecord } from './messages.ts';
import type { Requests } from './requests.ts';

/** The exit code of an exec that nobody saw end, as Docker shows one that its container took along. */
const EXEC_LOST = 137;

export type ExecOptions = AttachOptions & { execId: string; tty: boolean };

/** The further processes of one container. */
export class Execs {
  readonly #clients: Clients;
  readonly #requests: Requests;
  /** By their ids, until their ends are told. */
  readonly #running = new Map<string, ControlledExec>();

  constructor(clients: Clients, requests: Requests) {
    this.#clients = clients;
    this.#requests = requests;
  }

  /** Starts one. @throws LaunchError. */
  async start(launch: LaunchRecord[], options: ExecOptions): Promise<ExecProcess> {
    const { execId, stdin, stdout, stderr } = options;
    const token = randomUUID();
    const exec = new ControlledExec(this.#requests, execId);
    // Known from here on: the news of its end may overtake the answer.
    this.#running.set(execId, exec);
    try {
      // Over a connection of its own: the answer comes whatever becomes of the launcher.
      const { stream, reply } = await this.#clients.open([execRecord(token, options), ...launch]);
      exec.started(Number(reply[1]));
      if (stdin || stdout || stderr) {
        this.#clients.follow(stream, token, options);
        exec.stream = stream;
      } else {
        stream.destroy();
      }
    } catch (error) {
      this.#running.delete(execId);
      throw error;
    }
    return exec;
  }

  /** The supervisor tells of one that runs. */
  started(execId: string, pid: number): void {
    this.#running.get(execId)?.started(pid);
  }

  ended(execId: string, code: number): void {
    this.#running.get(execId)?.ended(code);
    this.#running.delete(execId);
  }

  /** The container, or its supervisor, has gone before their ends were told. */
  lost(): void {
    for (const exec of this.#running.values()) exec.ended(EXEC_LOST);
    this.#running.clear();
  }
}

/** A further process of a container, by what its supervisor tells of it. */
class ControlledExec implements ExecProcess {
  readonly execId: string;
  pid = 0;
  stream: Duplex | null = null;
  readonly #requests: Requests;
  readonly #exited = deferred<number>();

  constructor(requests: Requests, execId: string) {
    this.#requests = requests;
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
    return this.#requests.send('exec-resize', [this.execId, height, width]);
  }

  kill(signal: number): Promise<void> {
    return this.#requests.send('exec-kill', [this.execId, signal]);
  }
}
