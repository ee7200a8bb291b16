import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sleep, TestDaemon } from '../support/daemon.ts';
import type { Registry } from '../support/registry.ts';
import { CGROUP, NODE_ADDRESS, Program } from './place.ts';
import { need } from './programs.ts';

export const NODE = 'berth-node';
export const KUBELET_URL = `https://${NODE_ADDRESS}:10250`;
const MANIFESTS = '/etc/kubernetes/manifests';

/** A daemon that serves the interface at `cri.sock` of its folder. */
export function criDaemon(): TestDaemon {
  const daemon = new TestDaemon();
  daemon.extra.push('--cri', '--cri-socket', endpoint(daemon), '--cri-network', 'berth');
  return daemon;
}

/** Pushes an image that the daemon has. @throws Error with what the daemon said */
export async function push(daemon: TestDaemon, reference: string): Promise<void> {
  const [repository, tag] = splitTag(reference);
  const pushed = await daemon.call('POST', `/images/${repository}/push?tag=${tag}`, undefined, {
    'x-registry-auth': 'e30=',
  });
  if (pushed.status !== 200 || pushed.text.includes('"error"'))
    throw new Error(`push ${reference}: ${pushed.text}`);
}

function splitTag(reference: string): [repository: string, tag: string] {
  const colon = reference.lastIndexOf(':');
  return [reference.slice(0, colon), reference.slice(colon + 1)];
}

/** Ends a node: its daemon, of which it is told what it left, and its registry. */
export async function leave(daemon: TestDaemon, registry: Registry): Promise<void> {
  await daemon
    .dispose()
    .catch((error: Error) => process.stdout.write(`the daemon left something: ${error.message}\n`));
  await registry.stop();
}

export const endpoint = (daemon: TestDaemon): string => `unix://${join(daemon.folder, 'cri.sock')}`;

/** Starts a kubelet; without a kubeconfig it runs what is in its folder of manifests and nothing else. */
export function startKubelet(folder: string, runtime: string, kubeconfig?: string): Program {
  mkdirSync(MANIFESTS, { recursive: true });
  const config = {
    kind: 'KubeletConfiguration',
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    address: NODE_ADDRESS,
    authentication: { anonymous: { enabled: true }, webhook: { enabled: false } },
    authorization: { mode: 'AlwaysAllow' },
    cgroupDriver: 'cgroupfs',
    cgroupRoot: `/${CGROUP}`,
    containerLogMaxFiles: 3,
    containerLogMaxSize: '64Ki',
    containerLogMonitorInterval: '3s',
    containerRuntimeEndpoint: runtime,
    enableControllerAttachDetach: kubeconfig !== undefined,
    evictionHard: { 'memory.available': '0%', 'nodefs.available': '0%', 'imagefs.available': '0%' },
    failSwapOn: false,
    failCgroupV1: false,
    fileCheckFrequency: '1s',
    syncFrequency: '5s',
    imageGCHighThresholdPercent: 100,
    makeIPTablesUtilChains: false,
    nodeStatusUpdateFrequency: '2s',
    // Its own processes keep the score they have, which not every machine lets root lower.
    oomScoreAdj: 0,
    resolvConf: '',
    serializeImagePulls: false,
    staticPodPath: MANIFESTS,
  };
  const path = join(folder, 'kubelet.json');
  writeFileSync(path, JSON.stringify(config));
  return new Program(folder, 'kubelet', need('KUBELET'), [
    `--config=${path}`,
    `--hostname-override=${NODE}`,
    `--node-ip=${NODE_ADDRESS}`,
    ...(kubeconfig ? [`--kubeconfig=${kubeconfig}`] : []),
    '--v=2',
  ]);
}

/** Has a pod run by its manifest alone. */
export function placeManifest(pod: { metadata: { name: string } }): void {
  mkdirSync(MANIFESTS, { recursive: true });
  writeFileSync(manifestOf(pod.metadata.name), JSON.stringify(pod));
}

export const manifestOf = (name: string): string => join(MANIFESTS, `${name}.json`);

/** Kills a daemon again and again, and starts another at once, as an init system would. */
export class Killer {
  readonly #daemon: TestDaemon;
  readonly #every: number;
  #running: Promise<void> | undefined;
  #stopped = false;
  kills = 0;

  constructor(daemon: TestDaemon, every: number) {
    this.#daemon = daemon;
    this.#every = every;
  }

  start(): void {
    this.#running = this.#run();
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      await sleep(this.#every * (0.5 + Math.random()));
      if (this.#stopped) return;
      await this.#daemon.down('SIGKILL');
      await this.#daemon.up();
      this.kills += 1;
    }
  }

  /** Ends it; the daemon answers. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }
}
