import type { Message } from '@berth/grpc';
import { visible } from '../../base/visible.ts';
import { BuildState, partText, seconds, type Vertex } from './state.ts';

/** So long, in milliseconds, a silent node keeps the output to itself while others wait. */
const PATIENCE = 5000;
/** A part that is not done is told about once in so many milliseconds. */
const PART_INTERVAL = 5000;

/** Lines of text for logs and pipes: each node's output in one piece, with its number in front. */
export class PlainDisplay {
  readonly state = new BuildState();
  private readonly print: (text: string) => void;
  private current: Vertex | undefined;
  private quietSince = Date.now();
  private readonly waiting = new Set<Vertex>();
  private readonly finished = new Set<Vertex>();
  private readonly headed = new Set<Vertex>();
  private last: Vertex | undefined;
  private lastParts = 0;

  constructor(print: (text: string) => void) {
    this.print = print;
  }

  update(message: Message<'StatusResponse'>): void {
    for (const vertex of this.state.apply(message)) if (!this.finished.has(vertex)) this.waiting.add(vertex);
    this.advance(false);
  }

  /** Prints what is left. */
  end(): void {
    this.advance(true);
  }

  private advance(ending: boolean): void {
    for (;;) {
      if (this.current && Date.now() - this.quietSince > PATIENCE && this.waiting.size > 1)
        this.current = undefined;
      this.current ??= this.next();
      const { current } = this;
      if (!current) return;
      if (this.waiting.has(current)) this.show(current);
      if (!current.completed && !ending) {
        this.waiting.delete(current);
        return;
      }
      this.waiting.delete(current);
      if (current.completed) this.finished.add(current);
      this.current = undefined;
    }
  }

  /** The node to show next: one that is done rather than one that goes on, those with output rather than silent ones. */
  private next(): Vertex | undefined {
    const begun = [...this.waiting].filter(({ started, name }) => started > 0 && name !== '');
    return begun.find(({ completed }) => completed > 0) ?? begun[0];
  }

  private show(vertex: Vertex): void {
    const head = `#${vertex.number}`;
    const out: string[] = [];
    for (const part of vertex.parts.values()) {
      const text = partText(part, Date.now());
      if (text === part.printed) continue;
      if (!part.completed && Date.now() - this.lastParts < PART_INTERVAL) continue;
      if (!part.completed) this.lastParts = Date.now();
      part.printed = text;
      out.push(`${head} ${text}`);
    }
    for (const { at, text } of vertex.lines.splice(0))
      out.push(`${head} ${((at - vertex.started) / 1000).toFixed(3)} ${text}`);
    if (vertex.completed) {
      if (vertex.error)
        out.push(
          /context canceled/.test(vertex.error) ? `${head} CANCELED` : `${head} ERROR: ${vertex.error}`,
        );
      else if (vertex.cached) out.push(`${head} CACHED`);
      else out.push(`${head} DONE ${seconds(vertex.completed - vertex.started)}`);
    }
    if (out.length === 0 && this.headed.has(vertex)) return;
    this.quietSince = Date.now();
    let text = '';
    if (this.last !== vertex) {
      text += this.last ? '\n' : '';
      text += `${head} ${vertex.name}\n`;
      this.headed.add(vertex);
    }
    this.last = vertex;
    this.print(visible(text + out.map((line) => `${line}\n`).join('')));
  }
}
