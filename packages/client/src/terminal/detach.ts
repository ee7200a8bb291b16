/** The keys that end an attachment and leave the container running. */
export const defaultDetachKeys = 'ctrl-p,ctrl-q';

/** The user typed the detach keys. */
export class Detached extends Error {
  constructor() {
    super('read escape sequence');
  }
}

/**
 * The bytes of keys such as `ctrl-p,ctrl-q` or `a,DEL`, as the daemon reads them (`ToBytes` of github.com/moby/term): a key is
 * one byte, `ctrl-` with a small letter or one of `@[\]^_`, or `DEL`. @throws Error with Docker's reason
 */
export function parseDetachKeys(text: string): Buffer {
  return Buffer.from(
    text.split(',').map((key) => {
      if (key === 'DEL') return 127;
      if (Buffer.byteLength(key) === 1) return key.charCodeAt(0);
      const control = /^ctrl-([a-z@[\\\]^_])$/.exec(key)?.[1];
      if (!control) throw new Error(`Unknown character: '${key}'`);
      return control.toUpperCase().charCodeAt(0) - 64;
    }),
  );
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
