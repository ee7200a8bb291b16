import type { Matcher } from '../../patterns/expression.ts';
import { type Entry, milliseconds } from '../deliver/entries.ts';

/** CloudWatch's limits: bytes of an event, of a request, what each event counts beside its text, and events of a request. */
const EVENT_OVERHEAD = 26;
const EVENT_MOST = 262_144 - EVENT_OVERHEAD;
const REQUEST_MOST = 1_048_576;
const REQUEST_EVENTS = 10_000;

const NEWLINE = Buffer.from('\n');

export interface LogEvent {
  message: string;
  timestamp: number;
}

/** A part of the entries, as events of one request. */
export interface EventBatch {
  events: LogEvent[];
  /** How many entries they are made of. */
  entries: number;
}

/** The event that is being gathered: pieces of one line, or lines up to the next that begins an event. */
interface Open {
  parts: Buffer[];
  size: number;
  timestamp: number;
  /** Ends with a piece whose line goes on. */
  unfinished: boolean;
}

/**
 * Makes events of entries. Pieces of a line become one again; with `begins`, lines are one event up to the next line that
 * it matches. The last event stays for the next call, unless it is whole, or `last` says that nothing follows.
 */
export function eventsOf(entries: readonly Entry[], begins: Matcher | undefined, last: boolean): EventBatch {
  const batch: EventBatch & { size: number } = { events: [], entries: 0, size: 0 };
  let open: Open | undefined;
  const finish = (until: number): boolean => {
    if (open && !add(batch, open, begins !== undefined)) return false;
    batch.entries = until;
    open = undefined;
    return true;
  };
  for (const [index, entry] of entries.entries()) {
    const continues = open !== undefined && belongs(open, entry, begins);
    if (!continues && !finish(index)) return batch;
    open = extended(open, entry, begins !== undefined);
    // Without an expression a line that is whole is an event.
    if (!begins && !open.unfinished && !finish(index + 1)) return batch;
  }
  if (last) finish(entries.length);
  return batch;
}

function belongs(open: Open, entry: Entry, begins: Matcher | undefined): boolean {
  if (open.size + entry.text.length > EVENT_MOST) return false;
  if (open.unfinished) return true;
  return begins !== undefined && !begins(entry.text.toString());
}

/** The event with one more entry; it is changed, for a copy of each would take quadratic time. */
function extended(open: Open | undefined, entry: Entry, lines: boolean): Open {
  const unfinished = entry.piece !== undefined && !entry.piece.last;
  const into = open ?? { parts: [], size: 0, timestamp: milliseconds(entry), unfinished };
  const parts = lines && !unfinished ? [entry.text, NEWLINE] : [entry.text];
  into.parts.push(...parts);
  into.size += entry.text.length + parts.length - 1;
  into.unfinished = unfinished;
  return into;
}

function add(
  batch: EventBatch & { size: number },
  { parts, size, timestamp, unfinished }: Open,
  lines: boolean,
): boolean {
  if (size === 0) return true; // CloudWatch takes no empty event
  const text = Buffer.concat(lines && unfinished ? [...parts, NEWLINE] : parts).toString();
  const counted = size + EVENT_OVERHEAD;
  if (batch.events.length >= REQUEST_EVENTS || batch.size + counted > REQUEST_MOST) return false;
  batch.size += counted;
  batch.events.push({ message: text, timestamp });
  return true;
}
