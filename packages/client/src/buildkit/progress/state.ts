import type { Message } from '@berth/grpc';
import { humanSize } from '../../format/sizes.ts';

/** One node of a build, as the messages so far tell of it. */
export interface Vertex {
  readonly digest: string;
  /** The step's number in the display, from 1, in the order in which steps were announced. */
  readonly number: number;
  name: string;
  /** Milliseconds since 1970; 0 before it has begun or ended. */
  started: number;
  completed: number;
  cached: boolean;
  error: string;
  /** Lines of its output that have not been printed yet, with the time they came. */
  readonly lines: Array<{ at: number; text: string }>;
  /** The last line, so far without its end. */
  partial: string;
  /** The step's last lines of output, for the display on a terminal and for errors. */
  readonly tail: Array<{ at: number; text: string }>;
  readonly parts: Map<string, Part>;
}

/** A part of a node's work: bytes transferred, a layer fetched. */
export interface Part {
  readonly id: string;
  current: number;
  total: number;
  started: number;
  completed: number;
  /** The text that was printed last. */
  printed: string;
}

export interface Warning {
  text: string;
  detail: string[];
  url: string;
}

/** As many lines of a node's output as an error repeats. */
const TAIL = 30;

/** The state of a build that a display shows: fed by the messages of Control.Status. */
export class BuildState {
  readonly vertices = new Map<string, Vertex>();
  readonly warnings: Warning[] = [];
  readonly started = Date.now();

  /** Takes a message in; gives the nodes it was about. */
  apply(message: Message<'StatusResponse'>): Set<Vertex> {
    const touched = new Set<Vertex>();
    for (const told of message.vertexes) {
      const vertex = this.vertex(told.digest);
      vertex.name = told.name || vertex.name;
      vertex.started = milliseconds(told.started) || vertex.started;
      vertex.completed = milliseconds(told.completed) || vertex.completed;
      vertex.cached = told.cached || vertex.cached;
      vertex.error = told.error || vertex.error;
      if (vertex.completed) this.endLine(vertex);
      touched.add(vertex);
    }
    for (const told of message.statuses) {
      const vertex = this.vertex(told.vertex);
      const part = vertex.parts.get(told.ID) ?? {
        id: told.ID,
        current: 0,
        total: 0,
        started: 0,
        completed: 0,
        printed: '',
      };
      vertex.parts.set(told.ID, part);
      part.current = told.current;
      part.total = told.total;
      part.started = milliseconds(told.started);
      part.completed = milliseconds(told.completed);
      touched.add(vertex);
    }
    for (const told of message.logs) {
      const vertex = this.vertex(told.vertex);
      this.output(vertex, told.msg.toString(), milliseconds(told.timestamp));
      touched.add(vertex);
    }
    for (const told of message.warnings)
      this.warnings.push({
        text: told.short.toString(),
        detail: told.detail.map(String),
        url: told.url,
      });
    return touched;
  }

  private vertex(digest: string): Vertex {
    let vertex = this.vertices.get(digest);
    if (!vertex) {
      vertex = {
        digest,
        number: this.vertices.size + 1,
        name: '',
        started: 0,
        completed: 0,
        cached: false,
        error: '',
        lines: [],
        partial: '',
        tail: [],
        parts: new Map(),
      };
      this.vertices.set(digest, vertex);
    }
    return vertex;
  }

  private output(vertex: Vertex, text: string, at: number): void {
    const lines = (vertex.partial + text).split('\n');
    vertex.partial = lines.pop()!;
    for (const line of lines) this.line(vertex, line, at);
  }

  private endLine(vertex: Vertex): void {
    if (vertex.partial !== '') this.line(vertex, vertex.partial, vertex.completed);
    vertex.partial = '';
  }

  private line(vertex: Vertex, raw: string, at: number): void {
    // A carriage return begins the line anew, as a terminal shows it.
    const text = raw.split('\r').findLast((part) => part !== '') ?? '';
    vertex.lines.push({ at, text });
    vertex.tail.push({ at, text });
    if (vertex.tail.length > TAIL) vertex.tail.shift();
  }

  /** The node whose failure is the build's. */
  failed(): Vertex | undefined {
    return [...this.vertices.values()].find(({ error }) => error !== '' && !/context canceled/.test(error));
  }
}

const milliseconds = (time: { seconds: number; nanos: number } | null): number =>
  time ? time.seconds * 1000 + time.nanos / 1e6 : 0;

/** Seconds with one digit, as BuildKit's displays have them. */
export const seconds = (span: number): string => `${(Math.max(0, span) / 1000).toFixed(1)}s`;

/** A part as text: `sha256:... 1.2MB / 3.4MB 0.3s done`. */
export function partText(part: Part, now: number): string {
  let text = part.id;
  if (part.total > 0) text += ` ${humanSize(part.current, 3)} / ${humanSize(part.total, 3)}`;
  else if (part.current > 0) text += ` ${humanSize(part.current, 3)}`;
  const end = part.completed || now;
  if (part.started && end - part.started >= 100) text += ` ${seconds(end - part.started)}`;
  if (part.completed) text += ' done';
  return text;
}
