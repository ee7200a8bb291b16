import { join } from 'node:path';
import { spawn } from 'node-pty';
import { type TestDaemon, top, until } from './daemon.ts';

/** A client of a test daemon on a terminal of its own. */
export interface Terminal {
  /** All it wrote so far. */
  readonly output: string;
  type(text: string): void;
  resize(columns: number, rows: number): void;
  /** Waits until `text` was written; throws with all that was instead. */
  sees(text: string | RegExp): Promise<void>;
  /** Waits for its end: the exit code, or minus the number of the signal that killed it. */
  end(): Promise<number>;
}

/** Runs `docker` or `berth` on a terminal of 80 columns and 24 rows. */
export function onTerminal(daemon: TestDaemon, client: 'docker' | 'berth', args: string[]): Terminal {
  const program = client === 'docker' ? 'docker' : join(top, 'dist/berth');
  const child = spawn(program, args, {
    cols: 80,
    rows: 24,
    cwd: daemon.folder,
    env: {
      ...(process.env as Record<string, string>),
      DOCKER_HOST: daemon.host,
      BERTH_HOST: daemon.host,
      DOCKER_CONFIG: join(daemon.folder, 'config'),
      DOCKER_CLI_HINTS: 'false',
      HOME: daemon.folder,
    },
  });
  let output = '';
  child.onData((text) => {
    output += text;
  });
  const ended = new Promise<number>((resolve) => {
    child.onExit(({ exitCode, signal }) => resolve(signal ? -signal : exitCode));
  });
  return {
    get output() {
      return output;
    },
    type: (text) => child.write(text),
    resize: (columns, rows) => child.resize(columns, rows),
    async sees(text) {
      const found = (): boolean => (typeof text === 'string' ? output.includes(text) : text.test(output));
      await until(`${text} on the terminal`, found, 15_000).catch((error: Error) => {
        throw new Error(`${error.message}; it shows ${JSON.stringify(output)}`);
      });
    },
    async end() {
      const timer = setTimeout(() => child.kill('SIGKILL'), 20_000);
      const code = await ended;
      clearTimeout(timer);
      return code;
    },
  };
}
