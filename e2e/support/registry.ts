import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { until } from './daemon.ts';

/** Debian's docker-registry on a free port of the loopback; its folder is the caller's. */
export class Registry {
  readonly host: string;
  readonly #program: ChildProcess;

  private constructor(host: string, program: ChildProcess) {
    this.host = host;
    this.#program = program;
  }

  /** Starts one; with a user, only that one is let in; `given`: on this port. */
  static async start(
    folder: string,
    login?: { user: string; password: string },
    given?: number,
  ): Promise<Registry> {
    mkdirSync(folder, { recursive: true });
    const port = given ?? (await freePort());
    const config: Record<string, unknown> = {
      version: 0.1,
      log: { level: 'error' },
      storage: { filesystem: { rootdirectory: join(folder, 'data') }, delete: { enabled: true } },
      http: { addr: `127.0.0.1:${port}` },
    };
    if (login) {
      const path = join(folder, 'htpasswd');
      writeFileSync(path, execFileSync('htpasswd', ['-Bbn', login.user, login.password]));
      config['auth'] = { htpasswd: { realm: 'test', path } };
    }
    // JSON is YAML too.
    writeFileSync(join(folder, 'config.yml'), JSON.stringify(config));
    const program = spawn('docker-registry', ['serve', join(folder, 'config.yml')], { stdio: 'ignore' });
    const registry = new Registry(`127.0.0.1:${port}`, program);
    await until('the registry to answer', () =>
      fetch(`http://${registry.host}/v2/`).then(
        () => true,
        () => false,
      ),
    );
    return registry;
  }

  /** Ends it. */
  async stop(): Promise<void> {
    if (this.#program.exitCode !== null) return;
    const ended = new Promise<void>((resolve) => this.#program.once('exit', () => resolve()));
    this.#program.kill();
    await ended;
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}
