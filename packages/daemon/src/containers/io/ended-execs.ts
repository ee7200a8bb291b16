/** How long a finished exec may still be asked about, in milliseconds: as long as with dockerd. */
const KEPT = 5 * 60_000;
/** How many finished execs are kept at most; the oldest goes first. */
const MOST = 10_000;
/** How many characters their commands may have together: an argument has up to 128 KiB. */
const MOST_TEXT = 8 << 20;

interface Entry {
  id: string;
  /** The time at which the exec is forgotten, in milliseconds of the monotonic clock. */
  due: number;
  text: number;
}

/** The finished execs of all containers, oldest first, with one timer for all. */
export class EndedExecs {
  private readonly forget: (id: string) => void;
  private entries: Entry[] = [];
  /** The entries before it have gone: cutting the array each time would move all of it. */
  private first = 0;
  private text = 0;
  private timer: NodeJS.Timeout | undefined;

  /** `forget` is called with each exec that is to be kept no longer; one that is gone already is no harm. */
  constructor(forget: (id: string) => void) {
    this.forget = forget;
  }

  /** Takes in an exec that has just ended; `text` is the length of what is kept of it. */
  add(id: string, text: number, now = performance.now()): void {
    this.entries.push({ id, due: now + KEPT, text });
    this.text += text;
    // The newest is always kept: its client is about to ask for the exit code.
    while (this.size > MOST || (this.text > MOST_TEXT && this.size > 1)) this.dropFirst();
    this.timer ??= setTimeout(() => this.sweep(), KEPT).unref();
  }

  get size(): number {
    return this.entries.length - this.first;
  }

  /** Lets go of those whose time is over, and comes again when the next one's is. */
  sweep(now = performance.now()): void {
    while (this.size > 0 && this.entries[this.first]!.due <= now) this.dropFirst();
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.size === 0) return;
    // Not for each one: those that end within a second of each other go together.
    const pause = Math.max(1000, this.entries[this.first]!.due - now);
    this.timer = setTimeout(() => this.sweep(), pause).unref();
  }

  private dropFirst(): void {
    const { id, text } = this.entries[this.first]!;
    this.first += 1;
    this.text -= text;
    if (this.first >= 1000 || this.size === 0) {
      this.entries = this.entries.slice(this.first);
      this.first = 0;
    }
    this.forget(id);
  }
}
