/** The keys that end an attachment and leave the container running. */
export const defaultDetachKeys = 'ctrl-p,ctrl-q';

/** The user typed the detach keys. */
export class Detached extends Error {
  constructor() {
    super('read escape sequence');
  }
}

/** The bytes of keys such as `ctrl-p,ctrl-q` or `a,DEL`. Throws with Docker's reason. */
export function parseDetachKeys(text: string): Buffer {
  const bytes: number[] = [];
  for (const key of text.split(',')) {
    if ([...key].length === 1) {
      bytes.push(key.charCodeAt(0));
      continue;
    }
    if (/^del$/i.test(key)) {
      bytes.push(127);
      continue;
    }
    const control = /^ctrl-(.)$/i.exec(key)?.[1];
    const letter = control?.toLowerCase();
    if (letter && letter >= 'a' && letter <= 'z') bytes.push(letter.charCodeAt(0) - 96);
    else if (letter && '@[\\]^_'.includes(letter))
      bytes.push('@[\\]^_'.indexOf(letter) === 0 ? 0 : 26 + '@[\\]^_'.indexOf(letter));
    else throw new Error(`Unknown character: '${key}'`);
  }
  return Buffer.from(bytes);
}

/** Watches what is typed for the detach keys; typed beginnings of them are held back until it is clear. */
export class DetachFilter {
  private readonly keys: Buffer;
  private matched = 0;

  constructor(keys: Buffer) {
    this.keys = keys;
  }

  /** The bytes to send on. Throws Detached when the keys are complete. */
  feed(chunk: Buffer): Buffer {
    if (this.keys.length === 0) return chunk;
    const passed: number[] = [];
    for (const byte of chunk) {
      if (byte === this.keys[this.matched]) {
        this.matched++;
        if (this.matched === this.keys.length) throw new Detached();
        continue;
      }
      for (let i = 0; i < this.matched; i++) passed.push(this.keys[i]!);
      this.matched = byte === this.keys[0] ? 1 : 0;
      if (this.matched === 0) passed.push(byte);
      else if (this.keys.length === 1) throw new Detached();
    }
    return Buffer.from(passed);
  }
}
