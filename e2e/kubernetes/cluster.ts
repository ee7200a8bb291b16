import { spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../support/daemon.ts';
import { NODE_ADDRESS, Program } from './place.ts';
import { need } from './programs.ts';

const API = 'https://127.0.0.1:6443';
const TOKEN = 'a-token-of-a-cluster-that-lasts-minutes';
/** Patience with one call of kubectl, in milliseconds. */
const PATIENCE = 90_000;

export interface Ran {
  status: number;
  stdout: string;
  stderr: string;
}

/** etcd and the programs of a control plane, on the loopback of the node. */
export class Cluster {
  readonly kubeconfig: string;
  readonly #folder: string;
  readonly #programs: Program[] = [];

  constructor(folder: string) {
    this.#folder = folder;
    this.kubeconfig = join(folder, 'kubeconfig.json');
  }

  async start(): Promise<void> {
    const in_ = (name: string) => join(this.#folder, name);
    const { privateKey, publicKey } = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    });
    writeFileSync(in_('accounts.key'), privateKey);
    writeFileSync(in_('accounts.pub'), publicKey);
    writeFileSync(in_('tokens.csv'), `${TOKEN},admin,admin,system:masters\n`);
    writeFileSync(this.kubeconfig, JSON.stringify(kubeconfig()));
    const etcd = 'http://127.0.0.1:2379';
    this.#run('etcd', need('ETCD'), [
      `--data-dir=${in_('etcd')}`,
      `--listen-client-urls=${etcd}`,
      `--advertise-client-urls=${etcd}`,
      '--listen-peer-urls=http://127.0.0.1:2380',
      '--unsafe-no-fsync',
    ]);
    this.#run('kube-apiserver', need('KUBE_APISERVER'), [
      `--etcd-servers=${etcd}`,
      `--cert-dir=${in_('certificates')}`,
      `--token-auth-file=${in_('tokens.csv')}`,
      '--authorization-mode=RBAC',
      '--kubelet-preferred-address-types=InternalIP',
      '--service-cluster-ip-range=10.203.0.0/24',
      `--service-account-key-file=${in_('accounts.pub')}`,
      `--service-account-signing-key-file=${in_('accounts.key')}`,
      '--service-account-issuer=https://kubernetes.default.svc',
      `--advertise-address=${NODE_ADDRESS}`,
      '--allow-privileged=true',
    ]);
    await until(
      'the API server to be ready',
      async () => (await this.tries('get', '--raw', '/readyz')).status === 0,
      120_000,
    );
    const common = [`--kubeconfig=${this.kubeconfig}`, '--leader-elect=false'];
    this.#run('kube-controller-manager', need('KUBE_CONTROLLER_MANAGER'), [
      ...common,
      `--root-ca-file=${in_('certificates/apiserver.crt')}`,
      `--service-account-private-key-file=${in_('accounts.key')}`,
      '--use-service-account-credentials=false',
    ]);
    this.#run('kube-scheduler', need('KUBE_SCHEDULER'), common);
    await until(
      'the default service account',
      async () => (await this.tries('get', 'serviceaccount', 'default')).status === 0,
      60_000,
    );
  }

  #run(name: string, path: string, args: string[]): void {
    this.#programs.push(new Program(this.#folder, name, path, args));
  }

  /** One call of kubectl, whatever comes of it. */
  tries(...args: string[]): Promise<Ran> {
    return this.asks('', ...args);
  }

  /** One call of kubectl that reads `input`. */
  asks(input: string, ...args: string[]): Promise<Ran> {
    const child = this.runs(...args);
    const ran: Ran = { status: -1, stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const)
      child[name].on('data', (chunk: Buffer) => {
        ran[name] += chunk.toString();
      });
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
    const timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE);
    return new Promise((resolve) => {
      child.once('close', (status) => {
        clearTimeout(timer);
        resolve({ ...ran, status: status ?? -1 });
      });
    });
  }

  /** One call of kubectl that is to do well; returns what it printed. @throws Error */
  async kubectl(...args: string[]): Promise<string> {
    const { status, stdout, stderr } = await this.tries(...args);
    if (status !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr || stdout}`);
    return stdout.trim();
  }

  /** A call of kubectl that goes on, such as a port's forwarding. */
  runs(...args: string[]) {
    return spawn(need('KUBECTL'), [`--kubeconfig=${this.kubeconfig}`, ...args], {
      stdio: ['pipe', 'pipe', 'pipe'],
    });
  }

  /** Makes objects, or changes them. */
  async apply(...objects: object[]): Promise<void> {
    const list = { apiVersion: 'v1', kind: 'List', items: objects };
    const { status, stderr } = await this.asks(JSON.stringify(list), 'apply', '-f', '-');
    if (status !== 0) throw new Error(`kubectl apply: ${stderr}`);
  }

  // biome-ignore lint/suspicious/noExplicitAny: a scenario says what it expects of an object
  async get(...args: string[]): Promise<any> {
    return JSON.parse(await this.kubectl('get', '-o', 'json', ...args));
  }

  async end(): Promise<void> {
    for (const program of this.#programs.reverse()) await program.end();
  }
}

function kubeconfig(): object {
  return {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'it',
    clusters: [{ name: 'it', cluster: { server: API, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'it', user: { token: TOKEN } }],
    contexts: [{ name: 'it', context: { cluster: 'it', user: 'it' } }],
  };
}
