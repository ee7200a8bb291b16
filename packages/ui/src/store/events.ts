import { clipped, visible } from '../base/text.ts';
import { Value } from '../base/value.ts';
import type { EngineEvent } from './changes.ts';

/** Events that are kept to be shown. */
const MOST = 2000;
/** Attributes of one event that are kept, and characters of each. */
const MOST_ATTRIBUTES = 24;
const WIDEST = 160;

/** An event as the page keeps it: texts without what acts, of a bounded length. */
export interface ShownEvent {
  /** A number of its own; a later event has a higher one. */
  key: number;
  /** As the engine says it, to the millisecond. */
  time: string;
  type: string;
  /** Action, name and attributes. */
  text: string;
  /** In small letters, what a search looks at. */
  small: string;
}

const text = (value: unknown): string => visible(clipped(String(value ?? ''), WIDEST));

/** Makes of what the engine says the line that is shown; the engine's labels and names may be anything. */
export function shownEvent(event: EngineEvent, key: number): ShownEvent {
  const { Type, Action, Actor, time } = event;
  const attributes = Actor?.Attributes ?? {};
  const name = attributes['name'] ?? Actor?.ID ?? '';
  const rest: string[] = [];
  for (const attribute in attributes) {
    if (attribute === 'name') continue;
    if (rest.length === MOST_ATTRIBUTES) {
      rest.push('…');
      break;
    }
    rest.push(`${text(attribute)}=${text(attributes[attribute])}`);
  }
  const line = [text(Action), text(name), ...rest].join('  ').replaceAll(/[\t\n]/g, ' ');
  const date = new Date(Number(event.timeNano) / 1e6 || Number(time) * 1000);
  const type = text(Type);
  return {
    key,
    time: Number.isNaN(date.getTime()) ? '' : date.toISOString(),
    type,
    text: line,
    small: `${type} ${line} ${text(Actor?.ID)}`.toLowerCase(),
  };
}

const MISSED: Omit<ShownEvent, 'key'> = {
  time: '',
  type: 'page',
  text: 'some events before were missed: the engine remembers the last 256, and forgets them when it ends',
  small: 'page missed',
};

/** The last events, the newest last; however many come, they take so much memory. */
export class EventLog {
  private kept: ShownEvent[] = [];
  private readonly known = new Set<string>();
  private count = 0;
  private last = 0;
  private resumed = false;
  /** Changes with each event. */
  readonly changed = new Value(0);

  get all(): readonly ShownEvent[] {
    return this.kept.slice(-MOST);
  }

  /** How many came, those that went included. */
  get total(): number {
    return this.count;
  }

  /** From when on the engine is to tell events, as its `since`; undefined while none is known. */
  get since(): string | undefined {
    // Numbers of this size are exact to some hundred nanoseconds.
    const from = this.last - 2000;
    return this.last === 0
      ? undefined
      : `${Math.floor(from / 1e9)}.${String(Math.floor(from % 1e9)).padStart(9, '0')}`;
  }

  /** The engine tells events anew from `since` on: when the first of them is a new one, others before it were missed. */
  resume(): void {
    this.resumed = this.last > 0;
  }

  /** Adds an event that just happened. */
  add(event: EngineEvent): void {
    const known = this.isKnown(event);
    if (this.resumed && !known) this.kept.push({ ...MISSED, key: this.count++ });
    this.resumed = false;
    if (known) return;
    this.last = Math.max(this.last, Number(event.timeNano) || 0);
    this.kept.push(shownEvent(event, this.count++));
    if (this.kept.length > 2 * MOST) this.kept = this.kept.slice(-MOST);
    this.changed.set(this.count);
  }

  /** Adds events from before the page was there, the oldest first. */
  addEarlier(events: readonly EngineEvent[]): void {
    const earlier = events.filter((event) => !this.isKnown(event));
    const own = this.kept;
    this.kept = [];
    for (const event of earlier) this.kept.push(shownEvent(event, this.count++));
    for (const event of own) this.kept.push({ ...event, key: this.count++ });
    this.changed.set(this.count);
  }

  /** Whether it was told already: a connection that is made anew tells some events twice. */
  private isKnown({ Type, Action, Actor, timeNano }: EngineEvent): boolean {
    const id = [timeNano, Type, Action, Actor?.ID].map((part) => clipped(String(part), WIDEST)).join(' ');
    if (this.known.has(id)) return true;
    this.known.add(id);
    if (this.known.size > 2 * MOST) for (const old of [...this.known].slice(0, MOST)) this.known.delete(old);
    return false;
  }
}

/** Whether an event is of a type (empty: of any) and has all words; a word after a minus it must not have. */
export function eventFits(event: ShownEvent, type: string, words: readonly string[]): boolean {
  if (type !== '' && event.type !== type) return false;
  return words.every((word) =>
    word.length > 1 && word.startsWith('-')
      ? !event.small.includes(word.slice(1))
      : event.small.includes(word),
  );
}
