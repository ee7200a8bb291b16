/** Counters and times that the engine keeps of itself; `metrics` shows them. To count costs an addition, no more. */

/** Upper bounds of a histogram's buckets, in seconds: those of Prometheus's clients. */
export const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export interface Histogram {
  /** How many were at most as long as each of BUCKETS, each counted once, and behind them the longer ones. */
  counts: number[];
  sum: number;
}

/** One operation of the API that has begun. */
export interface Running {
  operation: string;
  /** Milliseconds, as performance.now() has them. */
  since: number;
}

const counters = new Map<string, number>();
const histograms = new Map<string, Histogram>();
const running = new Set<Running>();

/** Adds one to a counter. */
export function count(name: string): void {
  counters.set(name, (counters.get(name) ?? 0) + 1);
}

/** A counter's value: 0 for one that never counted. */
export const counted = (name: string): number => counters.get(name) ?? 0;

/** An operation begins; the returned function is called at its end. */
export function begin(operation: string): (failed: boolean) => void {
  const entry: Running = { operation, since: performance.now() };
  running.add(entry);
  return (failed) => {
    running.delete(entry);
    if (failed) count(`${operation} failed`);
    observe(operation, (performance.now() - entry.since) / 1000);
  };
}

function observe(name: string, seconds: number): void {
  let histogram = histograms.get(name);
  if (!histogram) {
    histogram = { counts: new Array<number>(BUCKETS.length + 1).fill(0), sum: 0 };
    histograms.set(name, histogram);
  }
  const index = BUCKETS.findIndex((bound) => seconds <= bound);
  histogram.counts[index === -1 ? BUCKETS.length : index]! += 1;
  histogram.sum += seconds;
}

/** The durations of an operation that has ended at least once. */
export const observed = (name: string): Histogram | undefined => histograms.get(name);

/** The operations that have begun and not ended, the oldest first. */
export const underWay = (): readonly Running[] => [...running];
