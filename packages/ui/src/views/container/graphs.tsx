import { useEffect, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import { memory, percent, rate } from '../../base/text.ts';
import { followStats, MOST_SAMPLES, type Sample } from '../../store/stats.ts';

interface Graph {
  title: string;
  /** One for each line of the graph. */
  lines: Array<{ name: string; of: (sample: Sample) => number }>;
  format: (value: number) => string;
  /** The top of the scale where less than that is used: below it numbers would look alike. */
  least: number;
}

const GRAPHS: Graph[] = [
  { title: 'CPU', lines: [{ name: 'used', of: ({ cpu }) => cpu }], format: percent, least: 1 },
  {
    title: 'Memory',
    lines: [{ name: 'used', of: (sample) => sample.memory }],
    format: memory,
    least: 1 << 20,
  },
  {
    title: 'Network',
    lines: [
      { name: 'in', of: ({ received }) => received },
      { name: 'out', of: ({ sent }) => sent },
    ],
    format: rate,
    least: 1000,
  },
  {
    title: 'Disk',
    lines: [
      { name: 'read', of: ({ read }) => read },
      { name: 'written', of: ({ written }) => written },
    ],
    format: rate,
    least: 1000,
  },
];

const HEIGHT = 130;
/** Seconds that are seen at once. */
const SHOWN = 120;

const colour = (name: string): string =>
  getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function options({ lines, format, least }: Graph, width: number): uPlot.Options {
  const axis = { stroke: () => colour('--faint'), grid: { stroke: () => colour('--line'), width: 1 } };
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    cursor: { show: false },
    scales: {
      // By the last sample: of a single one uPlot makes a range of years.
      x: {
        range: ({ data }) => {
          const last = data[0]?.at(-1) ?? Date.now() / 1000;
          return [last - SHOWN, last];
        },
      },
      y: { range: (_plot, _low, high) => [0, Math.max(high * 1.1, least)] },
    },
    axes: [
      { ...axis, space: 70 },
      { ...axis, size: 74, values: (_plot, values) => values.map(format), space: 30 },
    ],
    series: [
      {},
      ...lines.map((_line, index) => ({
        stroke: () => colour(index === 0 ? '--accent' : '--warn'),
        width: 1.5,
        points: { show: false },
      })),
    ],
  };
}

const table = ({ lines }: Graph, samples: readonly Sample[]): uPlot.AlignedData => [
  samples.map(({ time }) => time),
  ...lines.map(({ of }) => samples.map(of)),
];

function Drawn({ graph, samples }: { graph: Graph; samples: readonly Sample[] }) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  useEffect(() => {
    const made = new uPlot(
      options(graph, box.current!.clientWidth || 300),
      table(graph, samples),
      box.current!,
    );
    plot.current = made;
    const sight = new ResizeObserver(() =>
      made.setSize({ width: box.current?.clientWidth || 300, height: HEIGHT }),
    );
    sight.observe(box.current!);
    const themed = (): void => made.redraw();
    addEventListener('themechange', themed);
    return () => {
      sight.disconnect();
      removeEventListener('themechange', themed);
      made.destroy();
    };
  }, []);
  useEffect(() => plot.current?.setData(table(graph, samples)), [samples]);
  const last = samples.at(-1);
  const now = graph.lines.map(({ name, of }) => `${name} ${last ? graph.format(of(last)) : '…'}`).join(', ');
  return (
    <figure class="graph">
      <figcaption>
        <strong>{graph.title}</strong> {now}
      </figcaption>
      <div ref={box} role="img" aria-label={`${graph.title} of the last minutes; now: ${now}`} />
    </figure>
  );
}

/** The resources that a running container uses, as it goes on. */
export function Graphs({ id }: { id: string }) {
  const [samples, setSamples] = useState<readonly Sample[]>([]);
  useEffect(() => {
    setSamples([]);
    return followStats(id, (sample) => setSamples((all) => [...all.slice(1 - MOST_SAMPLES), sample]));
  }, [id]);
  return (
    <div class="graphs">
      {GRAPHS.map((graph) => (
        <Drawn key={graph.title} graph={graph} samples={samples} />
      ))}
    </div>
  );
}
