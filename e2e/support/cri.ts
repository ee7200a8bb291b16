import { createConnection } from 'node:net';
import { join } from 'node:path';
import { cri } from '../../packages/grpc/src/cri.ts';
import { GrpcClient } from '../../packages/grpc/src/index.ts';
import { TestDaemon } from './daemon.ts';

// biome-ignore lint/suspicious/noExplicitAny: a test says what it expects of a message
export type Message = Record<string, any>;

const IMAGE_CALLS = ['ListImages', 'ImageStatus', 'PullImage', 'RemoveImage', 'ImageFsInfo'];

/** A daemon that serves the Container Runtime Interface, and a client of it. */
export class CriDaemon {
  readonly daemon: TestDaemon;
  readonly #socket: string;

  private constructor(daemon: TestDaemon, socket: string) {
    this.daemon = daemon;
    this.#socket = socket;
  }

  static async start(...extra: string[]): Promise<CriDaemon> {
    const daemon = new TestDaemon();
    const socket = join(daemon.folder, 'cri.sock');
    daemon.extra.push('--cri', '--cri-socket', `unix://${socket}`, ...extra);
    await daemon.up();
    await daemon.importBusybox();
    return new CriDaemon(daemon, socket);
  }

  /** One call. @throws GrpcError */
  async call(name: string, message: Message = {}): Promise<Message> {
    const client = new GrpcClient(createConnection(this.#socket), cri);
    const service = IMAGE_CALLS.includes(name) ? 'ImageService' : 'RuntimeService';
    try {
      return await client.unary(
        `/runtime.v1.${service}/${name}`,
        `${name}Request` as never,
        `${name}Response` as never,
        message as never,
      );
    } finally {
      client.destroy();
    }
  }

  /** Runs a pod, whose containers run under `runtime_handler`; `config` over what it needs. */
  async pod(
    name: string,
    config: Message = {},
    runtime_handler = '',
  ): Promise<{ id: string; config: Message }> {
    const whole = {
      metadata: { name, uid: `uid-${name}`, namespace: 'default', attempt: 0 },
      log_directory: join(this.daemon.folder, 'logs'),
      linux: {},
      ...config,
    };
    const { pod_sandbox_id } = await this.call('RunPodSandbox', { config: whole, runtime_handler });
    return { id: pod_sandbox_id, config: whole };
  }

  /** Creates and starts a container in a pod. */
  async container(pod: { id: string; config: Message }, name: string, config: Message): Promise<string> {
    const whole = {
      metadata: { name, attempt: 0 },
      image: { image: 'bb:latest' },
      log_path: `${name}.log`,
      ...config,
    };
    const request = { pod_sandbox_id: pod.id, config: whole, sandbox_config: pod.config };
    const { container_id } = await this.call('CreateContainer', request);
    await this.call('StartContainer', { container_id });
    return container_id;
  }

  /** The output of a command in a container. */
  async exec(container_id: string, ...cmd: string[]): Promise<string> {
    const { stdout, exit_code, stderr } = await this.call('ExecSync', { container_id, cmd, timeout: 10 });
    if (exit_code !== 0) throw new Error(`${cmd.join(' ')} ended with ${exit_code}: ${stderr}`);
    return stdout.toString().trim();
  }

  async dispose(): Promise<void> {
    const { items } = await this.call('ListPodSandbox');
    for (const { id } of items) await this.call('RemovePodSandbox', { pod_sandbox_id: id });
    await this.daemon.dispose();
  }
}
