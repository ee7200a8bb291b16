import { visible } from '../base/text.ts';

/** Lines that are kept, and characters of them; the oldest go. */
const MOST_LINES = 50_000;
const MOST_CHARACTERS = 16_000_000;
/** Characters of one line that are kept. */
const WIDEST = 20_000;

/** Control sequences of terminals: colours, titles, movements. */
const ESCAPES =
  /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[PX^_][^\u001b]*(?:\u001b\\)?|[ -/]*[0-~])/g;
const STAMP = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)) /;

export interface Line {
  /** The line's time as the engine says it; empty where it does not. */
  time: string;
  text: string;
  /** The line came by standard error. */
  error: boolean;
}

/** Makes a line of what a program wrote, without what a terminal would obey. */
export function readLine(raw: string, error: boolean): Line {
  const time = STAMP.exec(raw)?.[1] ?? '';
  let text = time ? raw.slice(time.length + 1) : raw;
  if (text.endsWith('\r')) text = text.slice(0, -1);
  // The last state stays of a line that a program has written over itself, as on a terminal.
  if (text.includes('\r')) text = text.slice(text.lastIndexOf('\r') + 1);
  if (text.length > WIDEST) text = `${text.slice(0, WIDEST)}…`;
  if (text.includes('\u001b')) text = text.replaceAll(ESCAPES, '');
  return { time, text: visible(text), error };
}

/**
 * The last lines of a log, and those among them that hold a text. Lines are numbered from the first that came; the memory it
 * takes is bounded however many come.
 */
export class Lines {
  private lines: Line[] = [];
  private start = 0;
  private characters = 0;
  private found: number[] = [];
  private wanted = '';
  /** The number of the first line that is kept. */
  first = 0;

  get length(): number {
    return this.lines.length - this.start;
  }

  /** The number after the last line's. */
  get end(): number {
    return this.first + this.length;
  }

  /** Numbers of the lines that hold what is searched for, in their order. */
  get matches(): readonly number[] {
    return this.found;
  }

  at(number: number): Line | undefined {
    return number < this.first ? undefined : this.lines[this.start + number - this.first];
  }

  add(line: Line): void {
    this.lines.push(line);
    this.characters += line.text.length;
    if (this.holds(line)) this.found.push(this.end - 1);
    while (this.length > MOST_LINES || (this.characters > MOST_CHARACTERS && this.length > 1)) this.drop();
  }

  private drop(): void {
    this.characters -= this.lines[this.start]!.text.length;
    this.start++;
    this.first++;
    if (this.start > 4096) {
      this.lines = this.lines.slice(this.start);
      this.start = 0;
      const kept = this.found.findIndex((number) => number >= this.first);
      this.found = kept === -1 ? [] : this.found.slice(kept);
    }
  }

  private holds({ text }: Line): boolean {
    return this.wanted !== '' && text.toLowerCase().includes(this.wanted);
  }

  /** Finds the lines that hold a text, in capitals or not; those that come are held against it too. */
  search(text: string): void {
    this.wanted = text.toLowerCase();
    this.found = [];
    if (this.wanted === '') return;
    for (let number = this.first; number < this.end; number++)
      if (this.holds(this.at(number)!)) this.found.push(number);
  }
}

/** Cuts the bytes of one output into lines. `flush` gives the last one, which no line end ended. */
export function lineCutter(take: (raw: string) => void): { push(bytes: Uint8Array): void; flush(): void } {
  const decoder = new TextDecoder();
  let rest = '';
  return {
    push(bytes) {
      const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n');
      rest = lines.pop()!;
      // A program that never ends a line fills no memory either.
      if (rest.length > 1_000_000) {
        lines.push(rest);
        rest = '';
      }
      for (const line of lines) take(line);
    },
    flush() {
      if (rest) take(rest);
      rest = '';
    },
  };
}
