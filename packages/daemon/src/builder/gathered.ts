import type { OnOutput } from './steps.ts';

/** Puts together what a command writes in small pieces of a line at once. */
export class Gathered {
  private readonly send: OnOutput;
  private held = '';
  private stream: 'stdout' | 'stderr' = 'stdout';
  private timer: NodeJS.Timeout | undefined;

  constructor(send: OnOutput) {
    this.send = send;
  }

  add(text: string, stream: 'stdout' | 'stderr'): unknown {
    if (stream !== this.stream) this.flush();
    this.stream = stream;
    this.held += text;
    if (text.endsWith('\n')) return this.flush();
    this.timer ??= setTimeout(() => this.flush(), 5);
    return undefined;
  }

  flush(): unknown {
    clearTimeout(this.timer);
    this.timer = undefined;
    const text = this.held;
    this.held = '';
    return text === '' ? undefined : this.send(text, this.stream);
  }
}
