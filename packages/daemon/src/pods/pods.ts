import { randomBytes } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LaunchError } from '@berth/native';
import { conflict, invalidParameter, notFound, systemError } from '../base/errors.ts';
import { log } from '../base/log.ts';
import { nowNanos, rfc3339 } from '../base/time.ts';
import { Turns } from '../base/turns.ts';
import type { Networks } from '../networks/api.ts';
import type { Runtime } from '../runtime/api.ts';
import type { Collection, Store } from '../store/api.ts';
import type { PodChange, PodConfig, PodJoin, PodRecord, Pods } from './api.ts';
import { defaultSysctls, end, type PodNamespaces, startOf } from './namespaces.ts';
import type { PodAttachment, PodNetwork } from './network/api.ts';
import { checkLater } from './network/check.ts';
import { networkRequest } from './network/own.ts';

/** The dependencies that the room is opened with. */
export interface PodOptions {
  store: Store;
  runtime: Runtime;
  networks: Networks;
  namespaces: PodNamespaces;
  /** The folder of the files of pods. */
  root: string;
  /** The provider of new pods' networks, and the one that puts pods on the machine's. */
  network: () => Promise<PodNetwork>;
  node: PodNetwork;
  /** The network mode of pods on this engine's own network. */
  mode: string;
  provider: (name: PodRecord['provider']) => Promise<PodNetwork>;
}

/** The room: what `api.ts` promises. */
export class PodRoom implements Pods {
  readonly #options: PodOptions;
  readonly #records: Collection<PodRecord>;
  readonly #watchers = new Set<(change: PodChange) => void>();
  /** One change of a pod at a time. */
  readonly #turns = new Turns();

  constructor(options: PodOptions) {
    this.#options = options;
    this.#records = options.store.collection<PodRecord>('pods');
    for (const pod of this.#records.values()) this.#renew(pod);
  }

  /** A record of an earlier version has its pause process under another name. */
  #renew({ keeper, ...pod }: PodRecord & { keeper?: PodRecord['pause'] }): void {
    if (keeper) this.#keep({ ...pod, pause: keeper });
  }

  #tell(pod: PodRecord, change: PodChange['change']): void {
    for (const told of this.#watchers) told({ pod, change });
  }

  #keep(pod: PodRecord): PodRecord {
    this.#records.put(pod.id, pod);
    return pod;
  }

  async run(config: PodConfig, limits?: unknown): Promise<PodRecord> {
    const { name, namespace, uid, attempt } = config;
    const fullName = ['k8s', 'POD', name, namespace, uid, attempt].join('_');
    for (const other of this.#records.values())
      if (other.fullName === fullName)
        throw conflict(
          `the pod ${namespace}/${name} (uid ${uid}) has an attempt ${attempt} already: ${other.id}`,
        );
    const pod = this.#keep({
      id: randomBytes(32).toString('hex'),
      fullName,
      created: rfc3339(nowNanos()),
      config,
      state: 'making',
      addresses: [],
      ...(limits !== undefined && { limits }),
    });
    return this.#turns.take(pod.id, async () => {
      try {
        const made = await this.#make(pod);
        const kept = this.#keep({ ...made, state: 'ready' });
        await this.#options.store.flush();
        this.#tell(kept, 'created');
        return kept;
      } catch (error) {
        await this.#undo(this.#records.get(pod.id) ?? pod);
        throw describe(error);
      }
    });
  }

  async #make(record: PodRecord): Promise<PodRecord> {
    const { namespaces, network, node } = this.#options;
    const { config, id } = record;
    const provider = config.network === 'node' ? node : await network();
    const folder = this.#folder(id);
    mkdirSync(folder, { recursive: true, mode: 0o710 });
    let pod = this.#keep({ ...record, provider: provider.name });
    const ownNetwork = provider.needsNamespace && config.network === 'pod';
    const made = this.#namespaces(pod, ownNetwork);
    // A network namespace of the machine's users needs nothing of the pod's others.
    if (ownNetwork || config.users) await made;
    const [first, second] = await Promise.allSettled([
      made,
      provider.up(pod, folder, namespaces.of(id)),
    ] as const);
    if (second.status === 'fulfilled')
      pod = this.#keep({ ...pod, addresses: second.value.addresses, attachment: second.value.kept });
    if (first.status === 'fulfilled' && first.value)
      pod = this.#keep({ ...pod, pause: { pid: first.value, started: startOf(first.value) } });
    if (first.status === 'rejected') throw first.reason;
    if (second.status === 'rejected') throw second.reason;
    // Those that the pod asks for are set behind its network: one may be of an interface, and none is a plugin's to change.
    const left = ownNetwork ? config.sysctls : { ...defaultSysctls(config), ...config.sysctls };
    await namespaces.complete(id, second.value.path, left);
    this.#writeFiles(pod, folder);
    return this.#listen(pod, second.value);
  }

  /** The parameters that every pod has are set with the namespace where that is made here, by the same process. */
  #namespaces({ id, config }: PodRecord, ownNetwork: boolean): Promise<number> {
    const { namespaces, runtime } = this.#options;
    const sysctls = ownNetwork ? defaultSysctls(config) : {};
    const cgroups = config.pid === 'pod' ? runtime.cgroupFolders(id, config.cgroupParent) : [];
    const made = namespaces.make(id, config, ownNetwork, cgroups, sysctls);
    made.catch(() => undefined);
    return made;
  }

  /** A process listens on the ports that a pod publishes, and carries what the firewall does not translate. */
  async #listen(pod: PodRecord, { ports }: PodAttachment): Promise<PodRecord> {
    if (ports.length === 0) return pod;
    const pid = await this.#options.namespaces.listen(pod.id, ports);
    return this.#keep({ ...pod, proxy: { pid, started: startOf(pid) } });
  }

  #folder(id: string): string {
    return join(this.#options.root, id);
  }

  /** The resolver configuration is exactly what the pod asked for, where it asked. */
  #writeFiles({ config }: PodRecord, folder: string): void {
    const { dns } = config;
    if (!dns) return;
    const lines = dns.servers.map((server) => `nameserver ${server}\n`);
    if (dns.searches.length > 0) lines.unshift(`search ${dns.searches.join(' ')}\n`);
    if (dns.options.length > 0) lines.push(`options ${dns.options.join(' ')}\n`);
    writeFileSync(join(folder, 'resolv.conf'), lines.join(''), { mode: 0o644 });
  }

  async #undo(pod: PodRecord): Promise<void> {
    await this.#takeDown(pod).catch((error) =>
      log.warn({ pod: pod.id, err: error }, 'what was made of a pod could not all be taken away'),
    );
    await this.#forget(pod).catch((error) =>
      log.warn({ pod: pod.id, err: error }, 'a pod could not be undone'),
    );
  }

  /** Gives back all that a pod has in the kernel. What the network is not made of goes while that is taken down. */
  async #takeDown(pod: PodRecord): Promise<void> {
    end(pod.pause);
    end(pod.proxy);
    const parts = await Promise.allSettled([
      this.#takeNetworkDown(pod),
      // One that cannot be removed fails the stop, so that it is asked for again while the record still knows of it.
      pod.pause && this.#options.runtime.removeCgroup(pod.id),
    ]);
    for (const part of parts) if (part.status === 'rejected') throw part.reason;
  }

  /** The namespaces stay for as long as the network does. */
  async #takeNetworkDown(pod: PodRecord): Promise<void> {
    const { namespaces, provider } = this.#options;
    if (pod.provider) await (await provider(pod.provider)).down(pod, namespaces.of(pod.id));
    await namespaces.release(pod.id);
  }

  async stop(id: string): Promise<void> {
    await this.#turns.take(id, async () => {
      const pod = this.#records.get(id);
      if (!pod || pod.state === 'stopped') return;
      await this.#takeDown(pod);
      const { pause: _, proxy: __, ...rest } = pod;
      const stopped = this.#keep({ ...rest, state: 'stopped' });
      this.#tell(stopped, 'stopped');
      await this.#options.store.flushOrLater();
    });
  }

  async keepLimits(id: string, limits: unknown): Promise<void> {
    await this.#turns.take(id, async () => {
      const pod = this.#records.get(id);
      if (!pod || !this.ready(pod)) throw conflict(`pod ${id} does not run`);
      this.#keep({ ...pod, limits });
    });
  }

  async remove(id: string): Promise<void> {
    await this.stop(id);
    await this.#turns.take(id, async () => {
      const pod = this.#records.get(id);
      if (!pod) return;
      await this.#forget(pod);
      this.#tell(pod, 'removed');
      await this.#options.store.flushOrLater();
    });
  }

  async #forget({ id }: PodRecord): Promise<void> {
    await this.#options.networks.forget(id);
    rmSync(this.#folder(id), { recursive: true, force: true });
    this.#records.delete(id);
  }

  get(reference: string): PodRecord {
    const pod = this.find(reference);
    if (!pod) throw notFound(`pod ${JSON.stringify(reference)} is not there`);
    return pod;
  }

  find(reference: string): PodRecord | undefined {
    const exact = this.#records.get(reference);
    if (exact) return exact.state === 'making' ? undefined : exact;
    if (!/^[0-9a-f]{1,63}$/.test(reference)) return undefined;
    const fitting = this.all().filter(({ id }) => id.startsWith(reference));
    if (fitting.length > 1) throw invalidParameter(`several pods have ids that begin with ${reference}`);
    return fitting[0];
  }

  all(): PodRecord[] {
    return [...this.#records.values()].filter(({ state }) => state !== 'making');
  }

  ready(pod: PodRecord): boolean {
    return pod.state === 'ready' && this.#options.namespaces.there(pod);
  }

  join(id: string): PodJoin {
    const pod = this.get(id);
    if (!this.ready(pod)) throw conflict(`pod ${pod.id} does not run`);
    const { config } = pod;
    const namespaces = this.#options.namespaces.of(pod.id);
    const own = config.network === 'pod';
    return {
      folder: this.#folder(pod.id),
      hostname: config.hostname,
      network: own ? join(namespaces, 'net') : 'host',
      uts: own ? join(namespaces, 'uts') : 'host',
      ipc: config.ipc === 'pod' ? join(namespaces, 'ipc') : 'host',
      pid: pod.pause ? join(namespaces, 'pid') : config.pid === 'node' ? 'host' : 'private',
      user: config.users ? join(namespaces, 'user') : '',
      shm: config.ipc === 'pod' ? join(namespaces, 'shm') : '',
    };
  }

  networkNamespace({ id, config }: PodRecord): string {
    return config.network === 'pod' ? join(this.#options.namespaces.of(id), 'net') : '';
  }

  async networkStatus() {
    return (await this.#options.network()).status();
  }

  attached() {
    const { namespaces, mode } = this.#options;
    return this.all()
      .filter((pod) => this.ready(pod))
      .map((pod) => {
        const own = pod.config.network === 'node' ? 'host' : pod.provider === 'cni' ? 'none' : mode;
        return { request: networkRequest(pod, this.#folder(pod.id), namespaces.of(pod.id), own), pid: 0 };
      });
  }

  watch(told: (change: PodChange) => void): () => void {
    this.#watchers.add(told);
    return () => this.#watchers.delete(told);
  }

  async reconcile(): Promise<void> {
    const { namespaces } = this.#options;
    for (const pod of [...this.#records.values()]) {
      if (pod.state === 'making') await this.#undo(pod);
      else if (pod.state === 'ready' && !namespaces.there(pod))
        await this.stop(pod.id).catch((error) =>
          log.warn(
            { pod: pod.id, err: error },
            'a pod that has ended could not be taken down: stop it again',
          ),
        );
    }
    const known = this.all().filter((pod) => this.ready(pod));
    await namespaces.sweep(new Set(known.map(({ id }) => namespaces.of(id))));
    const attached = known.filter(({ provider }) => provider === 'cni');
    if (attached.length > 0) checkLater(attached, (id) => this.#records.get(id), this.#options);
  }
}

function describe(error: unknown): unknown {
  if (!(error instanceof LaunchError)) return error;
  if (error.stage === 'sysctl' || error.stage === 'hostname') return invalidParameter(error.message, error);
  return systemError(`the pod's namespaces could not be made: ${error.message}`, error);
}
