import type { Message } from '@berth/grpc';
import { visible } from '../../base/visible.ts';
import { BuildState, partText, seconds, type Vertex } from './state.ts';

const INTERVAL = 100;
/** Lines of a running step's output that are shown below it. */
const OUTPUT_LINES = 6;

export interface Screen {
  print(text: string): void;
  /** Rows and columns now. */
  size(): [number, number];
  /** Name of the daemon that builds, shown at the right. */
  builder: string;
}

/** The live display: one line a node, written anew ten times a second; the oldest give way when the screen is full. */
export class TerminalDisplay {
  readonly state = new BuildState();
  private readonly screen: Screen;
  private readonly timer: NodeJS.Timeout;
  private shown = 0;
  private changed = true;

  constructor(screen: Screen) {
    this.screen = screen;
    this.screen.print('\x1b[?25l');
    this.timer = setInterval(() => this.paint(false), INTERVAL);
  }

  update(message: Message<'StatusResponse'>): void {
    this.state.apply(message);
    this.changed = true;
  }

  /** Shows how it ended and leaves the cursor below. */
  end(): void {
    clearInterval(this.timer);
    this.changed = true;
    this.paint(true);
    this.screen.print('\x1b[?25h');
  }

  private paint(last: boolean): void {
    const running = [...this.state.vertices.values()].some(({ started, completed }) => started && !completed);
    if (!this.changed && !running) return;
    this.changed = false;
    const [rows, columns] = this.screen.size();
    const lines = this.lines(columns, last);
    // All of it when it ends; before, as much as can be written over again.
    const room = Math.max(3, rows - 1);
    const kept = last || lines.length <= room ? lines : [lines[0]!, ...lines.slice(lines.length - room + 1)];
    const up = this.shown > 0 ? `\x1b[${this.shown}A` : '';
    this.screen.print(`${up}\r${kept.map((line) => `\x1b[2K${line}\n`).join('')}\x1b[J`);
    this.shown = kept.length;
  }

  private lines(columns: number, last: boolean): string[] {
    const vertices = [...this.state.vertices.values()].filter(({ name }) => name !== '');
    const done = vertices.filter(({ completed }) => completed > 0).length;
    const now = Date.now();
    const end = last ? (this.state.failed() ? ' ERROR' : ' FINISHED') : '';
    const head = `[+] Building ${seconds(now - this.state.started)} (${done}/${vertices.length})${end}`;
    const lines = [row(head, this.screen.builder, columns)];
    for (const vertex of vertices) {
      if (!vertex.started) continue;
      lines.push(...this.vertex(vertex, columns, now));
    }
    return lines;
  }

  private vertex(vertex: Vertex, columns: number, now: number): string[] {
    const mark = vertex.error
      ? /context canceled/.test(vertex.error)
        ? 'CANCELED '
        : 'ERROR '
      : vertex.cached
        ? 'CACHED '
        : '';
    const time = seconds((vertex.completed || now) - vertex.started);
    const color = vertex.error ? 31 : vertex.completed ? 34 : 0;
    const lines = [
      paint(row(` => ${mark}${visible(vertex.name).replaceAll('\n', ' ')}`, time, columns), color),
    ];
    for (const part of vertex.parts.values()) {
      // Unfinished parts of a finished node are left out: the node's own line tells of the end.
      if (vertex.completed && !part.completed) continue;
      lines.push(
        paint(
          row(` => => ${visible(partText({ ...part, started: 0 }, now))}`, partTime(part, now), columns),
          vertex.completed ? 34 : 0,
        ),
      );
    }
    if (!vertex.completed)
      for (const { text } of vertex.tail.slice(-OUTPUT_LINES))
        lines.push(fit(` => => # ${visible(text.replaceAll('\t', '    '))}`, columns));
    return lines;
  }
}

const partTime = ({ started, completed }: { started: number; completed: number }, now: number): string =>
  started ? seconds((completed || now) - started) : '';

const paint = (text: string, color: number): string => (color ? `\x1b[${color}m${text}\x1b[0m` : text);

/** Text cut to the width of the screen. */
const fit = (text: string, columns: number): string =>
  text.length > columns ? `${text.slice(0, columns - 1)}…` : text;

/** Text at the left and the right edge. */
function row(left: string, right: string, columns: number): string {
  const space = columns - right.length - 1;
  return `${fit(left, Math.max(8, space)).padEnd(space)} ${right}`;
}
