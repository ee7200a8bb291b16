/*
 * Pods and containers through the Container Runtime Interface, by one client, on each of the runtimes named as arguments
 * (NAME=SOCKET); rounds alternate between them.
 *   IMAGE=NAME node e2e/bench/cri.ts berth=/run/berth/cri.sock containerd=/run/containerd/containerd.sock
 */
import { createConnection } from 'node:net';
import { cri } from '../../packages/grpc/src/cri.ts';
import { GrpcClient } from '../../packages/grpc/src/index.ts';

const ROUNDS = Number(process.env['ROUNDS'] ?? 20);
const AT_ONCE = Number(process.env['AT_ONCE'] ?? 8);
const image = process.env['IMAGE'] ?? 'bb:latest';
const command = (process.env['COMMAND'] ?? 'sleep 1000').split(' ');

// biome-ignore lint/suspicious/noExplicitAny: a benchmark knows the messages it sends
type Message = Record<string, any>;

/** The client without the types of its messages. */
interface UntypedClient {
  unary(path: string, request: string, response: string, message: Message): Promise<Message>;
  destroy(): void;
}

class Runtime {
  readonly name: string;
  readonly times = new Map<string, number[]>();
  readonly #client: UntypedClient;

  constructor(name: string, socket: string) {
    this.name = name;
    this.#client = new GrpcClient(
      createConnection(socket.replace('unix://', '')),
      cri,
    ) as unknown as UntypedClient;
  }

  call(name: string, message: Message): Promise<Message> {
    return this.#client.unary(
      `/runtime.v1.RuntimeService/${name}`,
      `${name}Request`,
      `${name}Response`,
      message,
    );
  }

  async timed<T>(what: string, run: () => Promise<T>): Promise<T> {
    const start = performance.now();
    const result = await run();
    this.times.set(what, [...(this.times.get(what) ?? []), performance.now() - start]);
    return result;
  }

  /** One pod with one container, from the request to its end. */
  async round(number: number): Promise<void> {
    const config = {
      metadata: { name: `bench-${number}`, uid: `uid-${number}`, namespace: 'bench', attempt: 0 },
      linux: {},
    };
    const start = performance.now();
    const { pod_sandbox_id } = await this.timed('sandbox', () => this.call('RunPodSandbox', { config }));
    const { container_id } = await this.timed('create and start', async () => {
      const made = await this.call('CreateContainer', {
        pod_sandbox_id,
        config: { metadata: { name: 'box' }, image: { image }, command },
        sandbox_config: config,
      });
      await this.call('StartContainer', made);
      return made;
    });
    this.times.set('from request to started', [
      ...(this.times.get('from request to started') ?? []),
      performance.now() - start,
    ]);
    await this.timed('stop and removal', async () => {
      await this.call('StopContainer', { container_id, timeout: 0 });
      await this.call('StopPodSandbox', { pod_sandbox_id });
      await this.call('RemovePodSandbox', { pod_sandbox_id });
    });
  }

  close(): void {
    this.#client.destroy();
  }
}

const runtimes = process.argv.slice(2).map((argument) => {
  const [name = '', socket = ''] = argument.split('=');
  return new Runtime(name, socket);
});
for (let round = 0; round < ROUNDS; round += 1) for (const runtime of runtimes) await runtime.round(round);
for (const runtime of runtimes) {
  const start = performance.now();
  const lanes = Array.from({ length: AT_ONCE }, async (_, lane) => {
    for (let round = 0; round < ROUNDS / 4; round += 1) await runtime.round(1000 + lane * 1000 + round);
  });
  const alone = new Map([...runtime.times].map(([what, list]) => [what, list.slice(0, ROUNDS)]));
  await Promise.all(lanes);
  const seconds = (performance.now() - start) / 1000;
  process.stdout.write(`${runtime.name}\n`);
  for (const [what, list] of alone) {
    const sorted = [...list].sort((a, b) => a - b);
    process.stdout.write(`  ${what}: ${sorted[Math.floor(sorted.length / 2)]!.toFixed(1)} ms (median)\n`);
  }
  const pods = AT_ONCE * Math.ceil(ROUNDS / 4);
  process.stdout.write(`  pods per second, ${AT_ONCE} at once: ${(pods / seconds).toFixed(1)}\n`);
  runtime.close();
}
