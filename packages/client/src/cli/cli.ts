import { homedir } from 'node:os';
import { isatty } from 'node:tty';
import { CliError } from '../base/errors.ts';
import { Output } from '../base/output.ts';
import { visible } from '../base/visible.ts';
import { ConfigFile } from '../config/file.ts';
import type { GlobalOptions, Invocation } from '../config/invocation.ts';
import { Api } from '../transport/api.ts';
import type { Endpoint } from '../transport/endpoint.ts';

export const program = 'berth';

/** Characters of standard error that are kept for those who explain a failure. */
const KEPT = 4000;

/** Escapes are wanted: the user's own format has them. */
const OWN_ESCAPES = process.argv.some((word) => /\u001b|\\(?:x1b|033|u001b)/i.test(word));

/** The streams, the configuration and the daemon, which every command works with; each is opened when first used. */
export class Cli implements Invocation {
  readonly options: GlobalOptions;
  readonly env: NodeJS.ProcessEnv;
  readonly out = new Output(1);
  readonly err = new Output(2);
  private opened: Api | undefined;
  private file: ConfigFile | undefined;

  constructor(options: GlobalOptions, env: NodeJS.ProcessEnv = process.env) {
    this.options = options;
    this.env = env;
  }

  /** Writes to standard output; a terminal does not obey what is in the text. */
  print(text: string): void {
    this.out.print(this.stdoutIsTerminal && !OWN_ESCAPES ? visible(text) : text);
  }

  /** The text written to standard error last: a command that fails has told there why. */
  told = '';

  /** Writes to standard error, likewise. */
  warn(text: string): void {
    this.told = (this.told + text).slice(-KEPT);
    this.err.print(this.stderrIsTerminal ? visible(text) : text);
  }

  get stdinIsTerminal(): boolean {
    return isatty(0);
  }

  get stdoutIsTerminal(): boolean {
    return isatty(1);
  }

  get stderrIsTerminal(): boolean {
    return isatty(2);
  }

  /** Columns of the terminal on standard output; 80 when it is none. */
  columns(): number {
    return this.terminalSize()?.[1] || 80;
  }

  /** Rows and columns of the terminal on standard output, or nothing. */
  terminalSize(): [number, number] | undefined {
    if (!this.stdoutIsTerminal) return undefined;
    const { columns, rows } = process.stdout;
    return [rows, columns];
  }

  /** The folder of the `config.json` of Docker's client: credentials and preferences are shared with it. */
  get configFolder(): string {
    return this.options.config ?? (this.env['DOCKER_CONFIG'] || `${this.env['HOME'] || homedir()}/.docker`);
  }

  /** The folder of Berth's contexts; with a configuration folder of the user's choice, there. */
  get contextFolder(): string {
    return (
      this.env['BERTH_CONFIG'] ||
      this.options.config ||
      this.env['DOCKER_CONFIG'] ||
      `${this.env['HOME'] || homedir()}/.berth`
    );
  }

  config(): ConfigFile {
    this.file ??= ConfigFile.load(this.configFolder, (text) => this.warn(text));
    return this.file;
  }

  async endpoint(): Promise<Endpoint> {
    const { resolveEndpoint } = await import('../config/resolve.ts');
    return resolveEndpoint(this);
  }

  /** The daemon's API at the chosen endpoint. */
  async api(): Promise<Api> {
    if (this.opened) return this.opened;
    const endpoint = await this.endpoint();
    this.opened = new Api(endpoint, {
      ...(this.env['DOCKER_API_VERSION']
        ? { version: this.env['DOCKER_API_VERSION'].replace(/^v/, '') }
        : {}),
      headers: this.config().httpHeaders,
      ...(this.options.debug ? { debug: (line: string) => this.warn(`DEBUG ${line}\n`) } : {}),
    });
    return this.opened;
  }

  /** Fails when a terminal is wanted for a standard input that is none. */
  checkTerminal(attachStdin: boolean, tty: boolean): void {
    if (attachStdin && tty && !this.stdinIsTerminal) throw new CliError('the input device is not a TTY');
  }

  async close(): Promise<void> {
    await this.out.flushed();
    await this.err.flushed();
    this.opened?.close();
  }
}
