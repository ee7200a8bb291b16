/**
 * The bytes of an HTTP answer as they arrive. Read once, by iteration; the source is told to pause while nobody
 * reads, so that a slow reader slows the daemon down instead of filling memory.
 */
export class Body implements AsyncIterable<Buffer> {
  private readonly queue: Buffer[] = [];
  private queued = 0;
  private ended = false;
  private failure: Error | undefined;
  private wake: (() => void) | undefined;
  private readonly pause: () => void;
  private readonly resume: () => void;
  private paused = false;
  private static readonly highWater = 1 << 20;

  constructor(pause: () => void, resume: () => void) {
    this.pause = pause;
    this.resume = resume;
  }

  push(chunk: Buffer): void {
    this.queue.push(chunk);
    this.queued += chunk.length;
    if (this.queued > Body.highWater && !this.paused) {
      this.paused = true;
      this.pause();
    }
    this.wake?.();
  }

  end(): void {
    this.ended = true;
    this.wake?.();
  }

  fail(error: Error): void {
    if (this.ended) return;
    this.failure = error;
    this.ended = true;
    this.wake?.();
  }

  /** The next bytes, or nothing at the end. Throws when the connection broke. */
  async next(): Promise<Buffer | undefined> {
    for (;;) {
      const chunk = this.queue.shift();
      if (chunk) {
        this.queued -= chunk.length;
        if (this.paused && this.queued < Body.highWater / 2) {
          this.paused = false;
          this.resume();
        }
        return chunk;
      }
      if (this.failure) throw this.failure;
      if (this.ended) return undefined;
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
      this.wake = undefined;
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
    for (let chunk = await this.next(); chunk; chunk = await this.next()) yield chunk;
  }

  /** The whole body as text. */
  async text(): Promise<string> {
    const chunks: Buffer[] = [];
    for (let chunk = await this.next(); chunk; chunk = await this.next()) chunks.push(chunk);
    return chunks.length === 1 ? chunks[0]!.toString() : Buffer.concat(chunks).toString();
  }
}

/** The JSON values of a stream that has one after the other, with or without line ends between them. */
export async function* jsonValues<T>(body: AsyncIterable<Buffer>): AsyncGenerator<T> {
  for await (const text of jsonTexts(body)) yield JSON.parse(text) as T;
}

/** The same as text, for who needs the exact digits of a number. */
export async function* jsonTexts(body: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of body) {
    rest += decoder.decode(chunk, { stream: true });
    const lines = rest.split('\n');
    rest = lines.pop()!;
    for (const line of lines) if (line.trim()) yield line;
    // The daemon ends a value with a line end, but for Go's encoder in some answers.
    if (rest.length < 65536 && rest.trimEnd().endsWith('}')) {
      try {
        JSON.parse(rest);
      } catch {
        continue;
      }
      yield rest;
      rest = '';
    }
  }
  if (rest.trim()) yield rest;
}
