import { randomBytes } from 'node:crypto';
import { type Sent, timestamp } from '@berth/grpc';
import { beginSpan, type Span, type SpanAttributes } from '../../../base/spans.ts';

/** As much as BuildKit tells of one step: a build's messages are kept until it ends, and its commands are anybody's. */
const LOG_LIMIT = 2 << 20;
/** So many pieces of a step's output are told as they come. Each that is kept costs far more than a byte of text. */
const LOG_PIECES = 10_000;
/** Later ones are gathered for so long, in milliseconds. */
const LOG_PAUSE = 100;
/** Milliseconds between two numbers of one status: all messages are kept, and a context has a hundred thousand files. */
const STATUS_PAUSE = 100;

/** One node of the build as its client shows it. */
export class Vertex {
  readonly digest = `sha256:${randomBytes(32).toString('hex')}`;
  private readonly progress: Progress;
  private readonly name: string;
  private readonly inputs: string[];
  private started = 0;
  private logged = 0;
  private pieces = 0;
  /** Output that has not been sent yet, by its stream (1 standard output, 2 standard error). */
  private readonly gathered = new Map<1 | 2, Buffer[]>();
  private gathering: NodeJS.Timeout | undefined;
  private span?: Span;
  private readonly facts: SpanAttributes = {};
  /** The time at which each status was last sent. */
  private readonly told = new Map<string, number>();

  constructor(progress: Progress, name: string, inputs: Vertex[]) {
    this.progress = progress;
    this.name = name;
    this.inputs = inputs.map(({ digest }) => digest);
  }

  start(): this {
    this.started = Date.now();
    this.span = beginSpan(this.name, this.facts);
    this.send({});
    return this;
  }

  log(text: string | Buffer, stream: 1 | 2 = 1): void {
    if (this.logged > LOG_LIMIT) return;
    this.logged += text.length;
    if (this.logged > LOG_LIMIT) text = '\n[output clipped, log limit 2MiB reached]\n';
    const piece = Buffer.from(text);
    if (++this.pieces <= LOG_PIECES) {
      this.tellLog(piece, stream);
      return;
    }
    const before = this.gathered.get(stream);
    if (before) before.push(piece);
    else this.gathered.set(stream, [piece]);
    this.gathering ??= setTimeout(() => this.tellGathered(), LOG_PAUSE);
  }

  private tellGathered(): void {
    clearTimeout(this.gathering);
    this.gathering = undefined;
    for (const [stream, pieces] of this.gathered) this.tellLog(Buffer.concat(pieces), stream);
    this.gathered.clear();
  }

  private tellLog(msg: Buffer, stream: 1 | 2): void {
    this.progress.send({ logs: [{ vertex: this.digest, timestamp: timestamp(Date.now()), stream, msg }] });
  }

  /** Something about the Dockerfile that its author should know. */
  warn(text: string): void {
    this.progress.send({
      warnings: [{ vertex: this.digest, level: 1, short: Buffer.from(text), detail: [], url: '' }],
    });
  }

  /** A part of it: bytes transferred, a layer pulled. Numbers that follow soon on others are left out, the end is not. */
  status(id: string, current: number, total = 0, completed = false): void {
    const time = Date.now();
    const last = completed || (total > 0 && current >= total);
    if (!last && time - (this.told.get(id) ?? 0) < STATUS_PAUSE) return;
    this.told.set(id, time);
    const now = timestamp(time);
    this.progress.send({
      statuses: [
        {
          ID: id,
          vertex: this.digest,
          name: '',
          current,
          total,
          timestamp: now,
          started: timestamp(this.started),
          ...(completed ? { completed: now } : {}),
        },
      ],
    });
  }

  done(options: { cached?: boolean; error?: string } = {}): void {
    this.tellGathered();
    if (this.started === 0) this.started = Date.now();
    if (options.cached) this.facts['build.cached'] = 1;
    this.span?.end(options.error);
    this.send({ completed: timestamp(Date.now()), ...options });
  }

  private send(more: Sent<'Vertex'>): void {
    this.progress.send({
      vertexes: [
        {
          digest: this.digest,
          name: this.name,
          inputs: this.inputs,
          started: timestamp(this.started),
          ...more,
        },
      ],
    });
  }
}

/** The progress messages of a build; late listeners get all of them. */
export class Progress {
  private readonly sent: Array<Sent<'StatusResponse'>> = [];
  private readonly listeners = new Set<() => void>();
  private ended = false;

  vertex(name: string, inputs: Vertex[] = []): Vertex {
    return new Vertex(this, name, inputs);
  }

  /** Does some work as one node; its failure is the node's. */
  async step<T>(name: string, work: (vertex: Vertex) => Promise<T>): Promise<T> {
    const vertex = this.vertex(name).start();
    try {
      const result = await work(vertex);
      vertex.done();
      return result;
    } catch (error) {
      vertex.done({ error: error instanceof Error ? error.message : String(error) });
      throw error;
    }
  }

  send(message: Sent<'StatusResponse'>): void {
    this.sent.push(message);
    for (const wake of this.listeners) wake();
  }

  /** All that was told so far. */
  get all(): ReadonlyArray<Sent<'StatusResponse'>> {
    return this.sent;
  }

  /** How many steps there were: all, those that were done, those of the cache; and how many warnings. */
  counts(): { total: number; done: number; cached: number; warnings: number } {
    const vertexes = new Map<string, Sent<'Vertex'>>();
    let warnings = 0;
    for (const message of this.sent) {
      warnings += message.warnings?.length ?? 0;
      for (const vertex of message.vertexes ?? []) vertexes.set(vertex.digest ?? '', vertex);
    }
    const all = [...vertexes.values()];
    return {
      total: all.length,
      done: all.filter(({ completed }) => completed).length,
      cached: all.filter(({ cached }) => cached).length,
      warnings,
    };
  }

  end(): void {
    this.ended = true;
    for (const wake of this.listeners) wake();
  }

  async *messages(signal: AbortSignal): AsyncGenerator<Sent<'StatusResponse'>> {
    for (let at = 0; ; ) {
      while (at < this.sent.length) yield this.sent[at++]!;
      if (this.ended || signal.aborted) return;
      await new Promise<void>((resolve) => {
        const wake = () => {
          this.listeners.delete(wake);
          signal.removeEventListener('abort', wake);
          resolve();
        };
        this.listeners.add(wake);
        signal.addEventListener('abort', wake, { once: true });
      });
    }
  }
}
