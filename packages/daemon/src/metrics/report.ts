import { log } from '../base/log.ts';
import { underWay } from '../base/meters.ts';
import type { MetricsRooms } from './api.ts';

/** Frames of the native stack that are written. */
const FRAMES = 40;
/** Operations that are named, the oldest first. */
const OPERATIONS = 50;

interface Report {
  nativeStack?: Array<{ symbol: string }>;
  javascriptStack?: { stack?: string[] };
}

/** Writes to the log what the daemon is doing: stacks, operations under way, and what it waits for. */
export function writeReport(rooms: Pick<MetricsRooms, 'containers' | 'events'>): void {
  // Names of peers are not asked for: that takes seconds.
  if (process.report) Object.assign(process.report, { excludeNetwork: true });
  const report = (process.report?.getReport() ?? {}) as Report;
  const now = performance.now();
  const operations = underWay();
  const resources: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) resources[kind] = (resources[kind] ?? 0) + 1;
  log.info(
    {
      operations: operations
        .slice(0, OPERATIONS)
        .map(({ operation, since }) => `${operation} for ${Math.round(now - since)} ms`)
        .join(', '),
      count: operations.length,
    },
    'operations under way',
  );
  log.info({ ...resources }, 'what the event loop waits for');
  log.info(
    { ...rooms.containers.counts(), listeners: rooms.events.listeners(), ...process.memoryUsage() },
    'containers, subscribers and memory',
  );
  log.info({ stack: (report.javascriptStack?.stack ?? []).join(' < ') }, 'JavaScript stack');
  log.info(
    {
      stack: (report.nativeStack ?? [])
        .slice(0, FRAMES)
        .map(({ symbol }) => symbol)
        .join(' < '),
    },
    'native stack',
  );
}
