import { Graph, layout } from '@dagrejs/dagre';
import { useMemo } from 'preact/hooks';
import { SCROLLS } from '../../widgets/scrolls.ts';
import { type Box, type Picture, saidOf, type Wire } from './graph.ts';

/** Pixels: a letter of the picture's fixed-width font, a line, and the edge around them. */
const LETTER = 7.3;
const LINE = 17;
const EDGE = 9;

interface Point {
  x: number;
  y: number;
}

interface Placed {
  width: number;
  height: number;
  boxes: Array<Box & Point & { width: number; height: number }>;
  wires: Array<Wire & { points: Point[]; at: Point | undefined }>;
}

/** Columns that a text takes where letters of East Asia take two. */
const columns = (text: string): number =>
  [...text].reduce((sum, letter) => sum + (letter.codePointAt(0)! > 0x2e7f ? 2 : 1), 0);

/** Gives each box its place, and each wire its way. */
export function place({ boxes, wires }: Picture): Placed {
  const graph = new Graph();
  graph.setGraph({ rankdir: 'LR', nodesep: 14, ranksep: 46, marginx: 4, marginy: 4 });
  for (const { id, lines } of boxes)
    graph.setNode(id, {
      width: Math.max(...lines.map(columns)) * LETTER + 2 * EDGE,
      height: lines.length * LINE + 2 * EDGE - 4,
    });
  for (const { from, to, label } of wires)
    graph.setEdge(from, to, {
      ...(label && { width: label.length * LETTER, height: LINE, labelpos: 'c' as const }),
    });
  layout(graph);
  const { width = 0, height = 0 } = graph.graph() as { width?: number; height?: number };
  return {
    width,
    height,
    boxes: boxes.map((box) => {
      const { x, y, width, height } = graph.node(box.id) as Point & { width: number; height: number };
      return { ...box, x: x - width / 2, y: y - height / 2, width, height };
    }),
    wires: wires.map((wire) => {
      const { points, x, y } = graph.edge(wire.from, wire.to) as { points: Point[]; x?: number; y?: number };
      return { ...wire, points, at: x === undefined || y === undefined ? undefined : { x, y } };
    }),
  };
}

/** A way through its points, round at each of them. */
function way(points: readonly Point[]): string {
  const [first, ...rest] = points;
  if (!first || rest.length === 0) return '';
  let path = `M${first.x} ${first.y}`;
  for (let index = 0; index < rest.length - 1; index++) {
    const [point, next] = [rest[index]!, rest[index + 1]!];
    path += ` Q${point.x} ${point.y} ${(point.x + next.x) / 2} ${(point.y + next.y) / 2}`;
  }
  const last = rest.at(-1)!;
  return `${path} L${last.x} ${last.y}`;
}

const Inside = ({ lines, x, y, width, height, kind }: Placed['boxes'][number]) => (
  <>
    <rect x={x} y={y} width={width} height={height} rx={kind === 'veth' ? 9 : 6} />
    {lines.map((line, row) => (
      <text key={row} x={x + EDGE} y={y + EDGE + 9 + row * LINE} class={row === 0 ? 'head' : undefined}>
        {/* Read as one text with the other lines: words of two lines are two words. */}
        {`${line} `}
      </text>
    ))}
  </>
);

/** Networks as they are wired. Its boxes are links; the same stands below it as a table. */
export function NetworkPicture({ picture }: { picture: Picture }) {
  const text = JSON.stringify(picture);
  const { boxes, wires, width, height } = useMemo(() => place(picture), [text]);
  return (
    <section class="wiring" aria-label="Picture of the networks" {...SCROLLS}>
      <svg width={width} height={height} viewBox={`0 0 ${width} ${height}`}>
        <title>Networks</title>
        {wires.map(({ from, to, points, label, closed, at }) => (
          <g key={`${from} > ${to}`} class={closed ? 'wire closed' : 'wire'}>
            <path d={way(points)} />
            {label && at && (
              <>
                <rect
                  class="under"
                  x={at.x - (columns(label) * LETTER) / 2 - 3}
                  y={at.y - LINE / 2}
                  width={columns(label) * LETTER + 6}
                  height={LINE}
                />
                <text x={at.x} y={at.y + 4} text-anchor="middle">
                  {label}
                </text>
              </>
            )}
          </g>
        ))}
        {boxes.map((box) =>
          box.href ? (
            <a key={box.id} href={box.href} class={`box ${box.kind}`} aria-label={saidOf(box)}>
              <Inside {...box} />
            </a>
          ) : (
            <g key={box.id} class={`box ${box.kind}`}>
              <Inside {...box} />
            </g>
          ),
        )}
      </svg>
    </section>
  );
}
