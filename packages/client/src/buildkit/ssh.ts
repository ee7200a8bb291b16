import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type Call, GrpcError } from '@berth/grpc';
import { CliError } from '../base/errors.ts';
import { cut } from '../parse/csv.ts';

/** The SSH agents that a build may use, by the ids its steps ask for. */
export class Agents {
  private readonly sockets = new Map<string, string>();
  private readonly started: Array<{ agent: ChildProcess; folder: string }> = [];

  private constructor() {}

  /**
   * Reads the `--ssh` options: `default`, or `ID=SOCKET` or `ID=KEY[,KEY]`; keys are given to an agent of their own.
   * @throws CliError where there is no agent, or a file is neither a socket nor a key.
   */
  static async open(options: readonly string[], env: NodeJS.ProcessEnv): Promise<Agents> {
    const agents = new Agents();
    try {
      for (const text of options) {
        const [id, paths] = cut(text, '=');
        if (agents.sockets.has(id)) throw new CliError(`duplicate ssh id ${JSON.stringify(id)}`);
        agents.sockets.set(id, await agents.socket(id, paths?.split(',') ?? [], env));
      }
    } catch (error) {
      agents.close();
      throw error;
    }
    return agents;
  }

  private async socket(id: string, paths: readonly string[], env: NodeJS.ProcessEnv): Promise<string> {
    if (paths.length === 0) {
      const running = env['SSH_AUTH_SOCK'];
      if (!running)
        throw new CliError(
          `invalid empty ssh agent socket for ${id}: make sure SSH_AUTH_SOCK is set, or name a key with --ssh ${id}=FILE`,
        );
      return running;
    }
    for (const path of paths)
      if (!existsSync(path)) throw new CliError(`failed to stat ${path}: no such file or directory`);
    if (paths.length === 1 && statSync(paths[0]!).isSocket()) return resolve(paths[0]!);
    return this.start(paths);
  }

  /** An agent that holds these keys and ends with the build. */
  private async start(keys: readonly string[]): Promise<string> {
    const folder = mkdtempSync(join(tmpdir(), 'berth-ssh-'));
    const socket = join(folder, 'agent');
    const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' });
    this.started.push({ agent, folder });
    const failed = new Promise<never>((_, reject) => {
      agent.once('error', () => reject(new CliError('ssh-agent cannot be run: install openssh-client')));
      agent.once('exit', (code) => reject(new CliError(`ssh-agent ended with status ${code}`)));
    });
    failed.catch(() => undefined);
    const ready = (async () => {
      for (let tries = 0; tries < 100; tries++) {
        if (existsSync(socket)) return;
        await new Promise((next) => setTimeout(next, 20));
      }
      throw new CliError('ssh-agent made no socket within two seconds');
    })();
    await Promise.race([ready, failed]);
    const added = spawnSync('ssh-add', ['-q', ...keys], {
      env: { ...process.env, SSH_AUTH_SOCK: socket },
      stdio: ['inherit', 'ignore', 'pipe'],
      encoding: 'utf8',
    });
    if (added.status !== 0)
      throw new CliError(
        `cannot use ${keys.join(', ')} for ssh: ${String(added.stderr ?? added.error?.message).trim()}`,
      );
    return socket;
  }

  /** @throws GrpcError for an id that no `--ssh` option gave. */
  private find(id: string): string {
    const socket = this.sockets.get(id || 'default');
    if (socket === undefined) throw new GrpcError(2, `unset ssh forward key ${id || 'default'}`);
    return socket;
  }

  check(id: string): void {
    this.find(id);
  }

  /** Joins a call of the builder's with a new connection to the agent. */
  async forward(call: Call<'BytesMessage', 'BytesMessage'>): Promise<undefined> {
    const socket = connect(this.find(String(call.metadata['buildkit.ssh.id'] ?? '')));
    const abort = (): void => void socket.destroy();
    call.signal.addEventListener('abort', abort, { once: true });
    try {
      const answers = (async () => {
        for await (const data of socket as AsyncIterable<Buffer>) await call.send({ data });
      })();
      for await (const { data } of call.requests) socket.write(data);
      socket.end();
      await answers;
    } finally {
      call.signal.removeEventListener('abort', abort);
      socket.destroy();
    }
  }

  /** Ends the agents that were started for the build. */
  close(): void {
    for (const { agent, folder } of this.started.splice(0)) {
      agent.removeAllListeners();
      agent.on('error', () => undefined);
      agent.kill();
      rmSync(folder, { recursive: true, force: true });
    }
  }
}
