import type { OnProgress } from '../../images/api.ts';
import type { BuildOptions } from '../api.ts';

/** The most characters of output that a quiet build keeps for the case that it fails. */
const HELD_LIMIT = 16 << 20;

/** An id as the build's texts show it. */
export const short = (id: string) => id.replace(/^sha256:/, '').slice(0, 12);

/** The texts of a build, as dockerd's own builder has them. */
export class ClassicOutput {
  send: OnProgress = () => undefined;
  /** The output of a quiet build, told when it fails. */
  readonly held: string[] = [];
  private heldSize = 0;
  private readonly options: Pick<BuildOptions, 'quiet' | 'rm'>;
  private readonly total: number;
  private step = 0;

  constructor(options: Pick<BuildOptions, 'quiet' | 'rm'>, total: number) {
    this.options = options;
    this.total = total;
  }

  /** A promise that it returns holds back the command that writes, until the client has read. */
  write(text: string): unknown {
    if (!this.options.quiet) return this.send({ stream: text });
    this.held.push(text);
    this.heldSize += text.length;
    while (this.heldSize > HELD_LIMIT) this.heldSize -= this.held.shift()!.length;
    return undefined;
  }

  /** Text in the colour of errors. */
  warn(text: string): unknown {
    return this.write(`\u001b[91m${text}\u001b[0m`);
  }

  /** The next step begins. */
  announce(original: string): void {
    this.step++;
    this.write(`Step ${this.step}/${this.total} : ${original}`);
    this.write('\n');
  }

  removed(container: string): void {
    if (this.options.rm) this.write(` ---> Removed intermediate container ${short(container)}\n`);
  }

  finished(image: string): void {
    this.write(` ---> ${short(image)}\n`);
  }
}
