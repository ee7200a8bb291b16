import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { dist } from '../support/daemon.ts';
import { call, type Follower, follow, Hung, Lost, PATIENCE, type Reply } from './connection.ts';
import type { EventWatch } from './events.ts';
import type { Journal } from './journal.ts';
import { Acknowledged, type Box, type State, type Thing } from './model.ts';
import type { Random } from './random.ts';

/** A refusal that dockerd, too, gives the class 5xx. */
const AS_DOCKERD = /Container [0-9a-f]{64} is not paused/;

/** The parts of a round that its users share. */
export interface Stage {
  socket: string;
  registry: string;
  journal: Journal;
  events: EventWatch;
  /** Invariants that were broken while it ran. */
  broken: string[];
  /** Whether an answer of the class 5xx to a request of that time span is the fault's own. */
  excused(text: string, from: number, to: number): boolean;
  /** Whether a fault that makes requests fail was on within that time span. */
  troubled(from: number, to: number): boolean;
  stopped: boolean;
}

/** One client in a round: its requests, in an order that follows from the seed, and the answers it was given. */
export class User {
  readonly known = new Acknowledged();
  readonly label: string;
  readonly random: Random;
  readonly stage: Stage;
  /** Output that was followed, with the box it is of. */
  readonly followed: { box: Box; follower: Follower; what: string; whole: boolean }[] = [];

  constructor(stage: Stage, random: Random, label: string) {
    this.stage = stage;
    this.random = random;
    this.label = label;
  }

  /** @throws Lost when the daemon went away; Hung is noted as broken and thrown as Lost, too */
  async call(method: string, path: string, body?: Buffer | object, headers = {}): Promise<Reply> {
    return this.#noted(`${method} ${path}`, body, async () => {
      const from = performance.now();
      const reply = await call(this.stage.socket, { method, path, body, headers });
      this.stage.events.answered(this.label, method, path, reply, from);
      const failed = reply.text.slice(-300);
      const excused = AS_DOCKERD.test(failed) || this.stage.excused(failed, from, performance.now());
      if (reply.status >= 500 && !excused) this.broken(`${method} ${path}: ${reply.status} ${failed}`);
      return [reply, `${reply.status} ${summary(reply)}`];
    });
  }

  /** With `patience`, in milliseconds, an answer that does not come within it is no fault. */
  async follow(
    method: string,
    path: string,
    body?: object,
    options: { hijack?: boolean; patience?: number } = {},
  ): Promise<Follower> {
    const act = async (): Promise<[Follower, string]> => {
      const follower = await follow(this.stage.socket, { method, path, body }, options);
      return [follower, `${follower.status} ...`];
    };
    return this.#noted(`${method} ${path}`, body, act, options.patience !== undefined);
  }

  async #noted<T>(what: string, body: unknown, act: () => Promise<[T, string]>, mayHang = false): Promise<T> {
    const sent = body && !Buffer.isBuffer(body) ? ` ${JSON.stringify(body)}` : '';
    const end = this.stage.journal.begin(`${this.label} ${what}${sent}`);
    try {
      const [result, said] = await act();
      end(said);
      return result;
    } catch (error) {
      end((error as Error).message);
      if (error instanceof Hung) {
        if (!mayHang) this.broken(error.message);
        throw new Lost(error.message);
      }
      throw error;
    }
  }

  /** Runs our own client to its end. */
  client(args: string[], input: string): Promise<{ status: number; output: string }> {
    return this.#noted(`berth ${args.join(' ')}`, undefined, async () => {
      const child = spawn(join(dist, 'berth'), args, {
        env: { ...process.env, BERTH_HOST: `unix://${this.stage.socket}`, DOCKER_CONFIG: '/nonexistent' },
        stdio: ['pipe', 'pipe', 'pipe'],
        timeout: PATIENCE,
        killSignal: 'SIGKILL',
      });
      let output = '';
      for (const stream of [child.stdout, child.stderr])
        stream.on('data', (part: Buffer) => {
          output += part.toString();
        });
      child.stdin.on('error', () => undefined);
      child.stdin.end(input);
      const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
      if (signal) this.broken(`berth ${args.join(' ')}: no end in ${PATIENCE} ms`);
      return [{ status: code ?? -1, output }, `${code ?? signal} ${output.slice(-200).trim()}`];
    });
  }

  broken(what: string): void {
    this.stage.broken.push(`${this.label}: ${what}`);
  }

  /** The boxes that are surely in one of these states. */
  boxes(...states: State[]): Box[] {
    return this.known.boxes.filter((box) => states.some((state) => box.is(state)));
  }

  /**
   * A request that brings a box from its state to `after`. Until an answer says so, and when none does, both are possible.
   * A refusal (4xx) changes nothing.
   */
  async change(box: Box, after: State[], act: () => Promise<Reply>, done = [204]): Promise<Reply> {
    const before = new Set(box.may);
    for (const state of after) box.may.add(state);
    const reply = await act();
    if (done.includes(reply.status)) box.may = new Set(after);
    else if (reply.status < 500) box.may = before;
    return reply;
  }

  /** The same for what is there or not. */
  async thing(
    things: Map<string, Thing>,
    name: string,
    after: 'yes' | 'no',
    act: () => Promise<Reply>,
    done = [200, 201, 204],
  ): Promise<Reply> {
    const before = things.get(name) ?? { there: 'no' };
    things.set(name, { ...before, there: before.there === after ? after : 'perhaps' });
    const reply = await act();
    if (done.includes(reply.status)) things.set(name, { there: after });
    else if (reply.status < 500) things.set(name, before);
    return reply;
  }
}

function summary({ status, text, json }: Reply): string {
  if (status >= 400) return text.slice(0, 300);
  return typeof json?.Id === 'string' ? json.Id.slice(0, 19) : `${text.length} bytes`;
}
