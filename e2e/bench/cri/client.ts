import { createConnection } from 'node:net';
import { cri } from '../../../packages/grpc/src/cri.ts';
import { GrpcClient } from '../../../packages/grpc/src/index.ts';

// biome-ignore lint/suspicious/noExplicitAny: a benchmark knows the messages it sends
type Message = Record<string, any>;

/** The client without the types of its messages. */
interface UntypedClient {
  unary(path: string, request: string, response: string, message: Message): Promise<Message>;
  destroy(): void;
}

/** A pod that runs, with its one container. */
export interface BenchPod {
  pod_sandbox_id: string;
  container_id: string;
}

/** The steps of a pod's life that are timed. */
export const STEPS = ['sandbox', 'create and start', 'request to started', 'stop and removal'] as const;
export type Step = (typeof STEPS)[number];
/** The begin and the end of a step, in milliseconds of CLOCK_MONOTONIC. */
export type Span = [began: number, ended: number];

/** The command of each container: the one process that is not the runtime's. */
export const COMMAND = ['sleep', '1000'];

/** The offset in milliseconds from `performance.now()` to CLOCK_MONOTONIC, which programs beside this one read. */
const now = (): number => Number(process.hrtime.bigint()) / 1e6;

/** A runtime under measurement, asked over one connection. */
export class CriClient {
  readonly name: string;
  readonly #client: UntypedClient;
  readonly #handler: string;
  readonly #image: string;

  /** `handler`: the runtime handler of its pods. */
  constructor(name: string, socket: string, image: string, handler = '') {
    this.name = name;
    this.#client = new GrpcClient(createConnection(socket), cri) as unknown as UntypedClient;
    this.#handler = handler;
    this.#image = image;
  }

  async #call(name: string, message: Message): Promise<Message> {
    try {
      return await this.#client.unary(
        `/runtime.v1.RuntimeService/${name}`,
        `${name}Request`,
        `${name}Response`,
        message,
      );
    } catch (error) {
      throw new Error(`${this.name}: ${name}: ${(error as Error).message}`);
    }
  }

  /** Whether it has a network for pods. */
  async ready(): Promise<boolean> {
    const { status } = await this.#call('Status', {});
    return status.conditions.every((condition: { status: boolean }) => condition.status);
  }

  /** Starts a pod with one container. */
  async start(name: string, times: Map<Step, Span> = new Map()): Promise<BenchPod> {
    const config = {
      metadata: { name, uid: `uid-${name}`, namespace: 'bench', attempt: 0 },
      linux: { cgroup_parent: '/berth-bench' },
    };
    const began = now();
    const { pod_sandbox_id } = await this.#call('RunPodSandbox', { config, runtime_handler: this.#handler });
    const sandbox = now();
    const { container_id } = await this.#call('CreateContainer', {
      pod_sandbox_id,
      config: { metadata: { name: 'box' }, image: { image: this.#image }, command: COMMAND, linux: {} },
      sandbox_config: config,
    });
    await this.#call('StartContainer', { container_id });
    const started = now();
    times.set('sandbox', [began, sandbox]);
    times.set('create and start', [sandbox, started]);
    times.set('request to started', [began, started]);
    return { pod_sandbox_id, container_id };
  }

  /** Ends a pod, and removes it. */
  async remove(
    { pod_sandbox_id, container_id }: BenchPod,
    times: Map<Step, Span> = new Map(),
  ): Promise<void> {
    const began = now();
    await this.#call('StopContainer', { container_id, timeout: 0 });
    await this.#call('StopPodSandbox', { pod_sandbox_id });
    await this.#call('RemovePodSandbox', { pod_sandbox_id });
    times.set('stop and removal', [began, now()]);
  }

  close(): void {
    this.#client.destroy();
  }
}
