/** Puts together what a command writes in small pieces of a line at once. */
export class Gathered {
  private readonly send: (text: string, stream: 'stdout' | 'stderr') => void;
  private held = '';
  private stream: 'stdout' | 'stderr' = 'stdout';
  private timer: NodeJS.Timeout | undefined;

  constructor(send: (text: string, stream: 'stdout' | 'stderr') => void) {
    this.send = send;
  }

  add(text: string, stream: 'stdout' | 'stderr'): void {
    if (stream !== this.stream) this.flush();
    this.stream = stream;
    this.held += text;
    if (text.endsWith('\n')) this.flush();
    else this.timer ??= setTimeout(() => this.flush(), 5);
  }

  flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.held !== '') this.send(this.held, this.stream);
    this.held = '';
  }
}
