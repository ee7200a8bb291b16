/** A queue between the network and the disk: `push` waits while too much is held. */
export class ByteQueue implements AsyncIterable<Buffer> {
  private readonly held: Buffer[] = [];
  private ended = false;
  private wake: () => void = () => undefined;
  private drained: () => void = () => undefined;

  async push(chunk: Buffer): Promise<void> {
    this.held.push(chunk);
    this.wake();
    if (this.held.length > 16)
      await new Promise<void>((resolve) => {
        this.drained = resolve;
      });
  }

  end(): void {
    this.ended = true;
    this.wake();
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Buffer> {
    for (;;) {
      const chunk = this.held.shift();
      if (chunk) {
        if (this.held.length <= 8) this.drained();
        yield chunk;
      } else if (this.ended) return;
      else
        await new Promise<void>((resolve) => {
          this.wake = resolve;
        });
    }
  }
}
