import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** The requests to a peer: options and result of each. */
export interface Requests {
  ready: [options: Record<string, never>, pid: number];
  /** One connection: sends, ends, and gives all that came back. Fails with the errno's name, or `timeout`. */
  tcp: [options: { host: string; port: number; send?: string }, text: string];
  /** One datagram; its answer, an errno's name, or `timeout`. */
  udp: [options: { host: string; port: number; send?: string; from?: string }, text: string];
  /** A server that tells each connection its address as we see it, then sends back what it gets. */
  listen: [options: { port: number; host?: string }, done: true];
  listenUdp: [options: { port: number; host?: string }, done: true];
  /** A connection that stays; `talk` sends on it and reads `size` characters. */
  hold: [options: { host: string; port: number }, connection: number];
  talk: [options: { connection: number; send: string; size?: number }, text: string];
  /** A name server on UDP and TCP; `asked` gives the questions since the last time. */
  serveNames: [options: { records: Record<string, string[]>; host: string; port?: number }, done: true];
  asked: [options: Record<string, never>, questions: string[]];
  resolve: [
    options: { server: string; name: string; type: string; tcp?: boolean },
    reply: { rcode: string; answers: string[] },
  ];
}

/** A process of the test in some network namespace, which opens and serves connections there. */
export class Peer {
  readonly #process: ChildProcess;
  readonly #waiting = new Map<number, { resolve(value: never): void; reject(error: Error): void }>();
  #last = 0;

  private constructor(command: string[]) {
    const [program, ...args] = [...command, process.execPath, join(import.meta.dirname, 'peer-program.ts')];
    this.#process = spawn(program!, args, {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, NODE_OPTIONS: '--disable-warning=ExperimentalWarning' },
    });
    createInterface({ input: this.#process.stdout! }).on('line', (line) => {
      const { id, value, error } = JSON.parse(line) as { id: number; value: never; error?: string };
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error === undefined) waiting?.resolve(value);
      else waiting?.reject(new Error(error));
    });
    this.#process.once('exit', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error('the peer has ended'));
    });
  }

  /** In the namespace of a path (`/proc/PID/ns/net`), or the host's own. */
  static async start(namespace?: string): Promise<Peer> {
    const peer = new Peer(namespace ? ['nsenter', `--net=${namespace}`] : ['env']);
    await peer.ask('ready', {});
    return peer;
  }

  ask<Name extends keyof Requests>(name: Name, options: Requests[Name][0]): Promise<Requests[Name][1]> {
    const id = ++this.#last;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (value: never) => void, reject });
      this.#process.stdin!.write(`${JSON.stringify({ id, name, options })}\n`);
    });
  }

  /** The same, giving the error's text instead of failing. */
  try<Name extends keyof Requests>(
    name: Name,
    options: Requests[Name][0],
  ): Promise<Requests[Name][1] | string> {
    return this.ask(name, options).catch((error: Error) => error.message);
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = new Promise((resolve) => this.#process.once('exit', resolve));
    this.#process.kill('SIGKILL');
    await ended;
  }
}
