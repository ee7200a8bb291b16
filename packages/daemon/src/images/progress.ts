import type { OnProgress } from './api.ts';

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
const BAR = 50;

/** A size as Docker's progress lines write it (`2.025MB`). */
export function humanSize(bytes: number): string {
  let size = bytes;
  let unit = 0;
  while (size >= 1000 && unit < UNITS.length - 1) {
    size /= 1000;
    unit += 1;
  }
  return `${fourDigits(size)}${UNITS[unit]}`;
}

/** Go's %.4g for the numbers that occur here. */
function fourDigits(value: number): string {
  const text = value.toPrecision(4);
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}

/** The bar that old clients print: `[==>   ]  34.82kB/2.025MB`. */
export function progressBar(current: number, total: number): string {
  if (total <= 0) return humanSize(current).padStart(8);
  const filled = Math.min(BAR, Math.trunc((current / total) * BAR));
  const bar = `${'='.repeat(filled)}>${' '.repeat(BAR - filled)}`;
  const shown = humanSize(current).padStart(8);
  // Past the end (a tar is longer than its files) only the sum is shown, as dockerd does.
  return current > total ? `[${bar}] ${shown}` : `[${bar}] ${shown}/${humanSize(total)}`;
}

/** A line with a bar. */
export function transferLine(
  status: string,
  id: string,
  current: number,
  total: number,
): Record<string, unknown> {
  return { status, progressDetail: { current, total }, progress: progressBar(current, total), id };
}

/** A line about one layer without a bar. */
export function layerLine(status: string, id: string): Record<string, unknown> {
  return { status, progressDetail: {}, id };
}

/** The twelve digits by which layers are shown. */
export function shortId(digest: string): string {
  return digest.slice(digest.indexOf(':') + 1).slice(0, 12);
}

const INTERVAL = 100; // ms

/** Lets at most ten lines a second of one transfer through. */
export class Meter {
  private readonly onProgress: OnProgress;
  private readonly status: string;
  private readonly id: string;
  private readonly total: number;
  private current = 0;
  private shown = 0;

  constructor(onProgress: OnProgress, status: string, id: string, total: number, current = 0) {
    this.onProgress = onProgress;
    this.status = status;
    this.id = id;
    this.total = total;
    this.current = current;
  }

  add(bytes: number): void {
    this.current += bytes;
    const now = Date.now();
    if (now - this.shown < INTERVAL && this.current !== this.total) return;
    this.shown = now;
    this.onProgress(transferLine(this.status, this.id, this.current, this.total));
  }
}
