import { join } from 'node:path';
import type { Launcher } from '@berth/native';
import { systemError } from '../../../base/errors.ts';
import { log } from '../../../base/log.ts';
import type { Settings } from '../../../config/settings.ts';
import type { Networks } from '../../../networks/api.ts';
import type { PodRecord } from '../../api.ts';
import type { PodAttachment, PodNetwork } from '../api.ts';
import { networkRequest } from '../own.ts';
import { addressesOf, findNetwork, type NetworkList, type PluginConfig } from './config.ts';
import { findPlugin, type PluginCall, runPlugin } from './plugin.ts';

const DEFAULT_FOLDERS = ['/opt/cni/bin', '/usr/lib/cni'];
const INTERFACE = 'eth0';
/** From these versions of the specification on plugins can be asked whether they are ready, and whether what they made is there. */
const STATUS_SINCE = [1, 1] as const;
const CHECK_SINCE = [0, 4] as const;

/** A pod's attachment as it is kept: it is undone by the configuration that made it, however the files have changed by then. */
interface Kept {
  network: NetworkList;
  result: Record<string, unknown>;
}

/** Pods on the networks of CNI plugins. */
export function openCni(settings: Settings, networks: Networks, launcher: Launcher): PodNetwork {
  return new CniNetwork(settings, networks, launcher);
}

class CniNetwork implements PodNetwork {
  readonly name = 'cni';
  readonly needsNamespace = true;
  readonly #folder: string;
  readonly #folders: readonly string[];
  readonly #networks: Networks;
  readonly #launcher: Launcher;

  constructor(settings: Settings, networks: Networks, launcher: Launcher) {
    this.#launcher = launcher;
    this.#folder = settings.cniConfDir;
    this.#folders = settings.cniBinDir.length > 0 ? settings.cniBinDir : DEFAULT_FOLDERS;
    this.#networks = networks;
  }

  /** The configuration is read each time: whoever changes it expects the next pod to have it. */
  async up(pod: PodRecord, folder: string, namespaces: string): Promise<PodAttachment> {
    const { network, problem } = findNetwork(this.#folder);
    if (!network) throw systemError(`the pod's network cannot be set up: ${problem}`);
    // The pod's files are written as for a container without a network of ours, beside the plugins' work.
    const files = this.#networks.attach(networkRequest(pod, folder, namespaces, 'none'));
    files.catch(() => undefined);
    const add = (type: PluginConfig, before: Record<string, unknown> | undefined) =>
      this.#run(this.#call('ADD', network, type, pod, join(namespaces, 'net'), before));
    let result: Record<string, unknown> | undefined;
    try {
      for (const plugin of network.plugins) result = await add(plugin, result);
      const addresses = addressesOf(result ?? {});
      if (addresses.length === 0) throw systemError(`network ${network.name} gave the pod no address`);
      await files;
      return { addresses, path: '', ports: [], kept: { network, result: result ?? {} } satisfies Kept };
    } catch (error) {
      await files.catch(() => undefined);
      await this.#down(pod, { network, result: result ?? {} }, join(namespaces, 'net'));
      throw error;
    }
  }

  #run(call: PluginCall): Promise<Record<string, unknown>> {
    return runPlugin(this.#launcher, call);
  }

  #named({ id, config }: PodRecord, path: string): Pick<PluginCall, 'environment'> {
    const words = {
      IgnoreUnknown: '1',
      K8S_POD_NAMESPACE: config.namespace,
      K8S_POD_NAME: config.name,
      K8S_POD_INFRA_CONTAINER_ID: id,
      K8S_POD_UID: config.uid,
    };
    return {
      environment: {
        CNI_CONTAINERID: id,
        CNI_NETNS: path,
        CNI_IFNAME: INTERFACE,
        CNI_ARGS: Object.entries(words)
          .map(([key, value]) => `${key}=${value}`)
          .join(';'),
      },
    };
  }

  #call(
    command: PluginCall['command'],
    { name, cniVersion }: Pick<NetworkList, 'name' | 'cniVersion'>,
    plugin: PluginConfig,
    pod: PodRecord,
    path: string,
    before: Record<string, unknown> | undefined,
  ): PluginCall {
    const { capabilities, ...own } = plugin;
    const runtimeConfig = runtimeArguments(pod, capabilities ?? {});
    return {
      command,
      type: plugin.type,
      folders: this.#folders,
      config: {
        ...own,
        name,
        cniVersion,
        ...(Object.keys(runtimeConfig).length > 0 && { runtimeConfig }),
        ...(before && { prevResult: before }),
      },
      ...this.#named(pod, path),
    };
  }

  async down(pod: PodRecord, namespaces: string): Promise<void> {
    const kept = pod.attachment as Kept | undefined;
    // One that was interrupted on its way up is taken down by what there is now.
    const network = kept?.network ?? findNetwork(this.#folder).network;
    if (network) await this.#down(pod, { network, result: kept?.result ?? {} }, join(namespaces, 'net'));
    await this.#networks.detach(pod.id);
  }

  /** All of the plugins have their turn, the last one first, whatever becomes of another. */
  async #down(pod: PodRecord, { network, result }: Kept, path: string): Promise<void> {
    const before = Object.keys(result).length > 0 ? result : undefined;
    let failure: unknown;
    for (const plugin of [...network.plugins].reverse())
      await this.#run(this.#call('DEL', network, plugin, pod, path, before)).catch((error) => {
        log.warn({ pod: pod.id, err: error }, 'a CNI plugin did not take a network down');
        failure ??= error;
      });
    if (failure && pod.state === 'ready') throw failure;
  }

  /** By the configuration that led up, and its result. */
  async check(pod: PodRecord, namespaces: string): Promise<void> {
    const kept = pod.attachment as Kept | undefined;
    if (!kept || kept.network.disableCheck || !since(kept.network, CHECK_SINCE)) return;
    for (const plugin of kept.network.plugins)
      await this.#run(this.#call('CHECK', kept.network, plugin, pod, join(namespaces, 'net'), kept.result));
  }

  async status(): Promise<{ ready: boolean; reason: string; message: string }> {
    const not = (message: string) => ({ ready: false, reason: 'NetworkPluginNotReady', message });
    const { network, problem } = findNetwork(this.#folder);
    if (!network) return not(`cni plugin not initialized: ${problem}`);
    const missing = network.plugins.find(({ type }) => !findPlugin(type, this.#folders));
    if (missing) return not(`the CNI plugin ${missing.type} is in none of ${this.#folders.join(', ')}`);
    if (!since(network, STATUS_SINCE)) return { ready: true, reason: '', message: '' };
    for (const plugin of network.plugins) {
      const { name, cniVersion } = network;
      const call = {
        type: plugin.type,
        folders: this.#folders,
        config: { ...plugin, name, cniVersion },
        environment: {},
      };
      try {
        await this.#run({ ...call, command: 'STATUS' });
      } catch (error) {
        return not((error as Error).message);
      }
    }
    return { ready: true, reason: '', message: '' };
  }
}

/** Whether a network is of this version of the specification, or of a later one. */
function since({ cniVersion }: NetworkList, [first, second]: readonly [number, number]): boolean {
  const [major = 0, minor = 0] = cniVersion.split('.').map(Number);
  return major > first || (major === first && minor >= second);
}

/** The members of `runtimeConfig` that a plugin says it takes. */
function runtimeArguments({ config }: PodRecord, takes: Record<string, boolean>): Record<string, unknown> {
  const { ports, dns, annotations, cgroupParent } = config;
  const published = ports.filter(({ hostPort }) => hostPort > 0);
  const bandwidth = bandwidthOf(annotations);
  return {
    ...(takes['portMappings'] &&
      published.length > 0 && {
        portMappings: published.map(({ protocol, containerPort, hostPort, hostIp }) => ({
          protocol,
          containerPort,
          hostPort,
          ...(hostIp && { hostIP: hostIp }),
        })),
      }),
    ...(takes['dns'] && dns && { dns }),
    ...(takes['bandwidth'] && bandwidth && { bandwidth }),
    ...(takes['cgroupPath'] && cgroupParent && { cgroupPath: cgroupParent }),
    ...(takes['io.kubernetes.cri.pod-annotations'] && { 'io.kubernetes.cri.pod-annotations': annotations }),
  };
}

const SUFFIXES: Record<string, number> = {
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 1024,
  Mi: 1024 ** 2,
  Gi: 1024 ** 3,
  Ti: 1024 ** 4,
};
/** Bursts that plugins take at most: 2^31 - 1 bits. */
const BURST = 2 ** 31 - 1;

/** Kubernetes' annotations for a pod's rates, in bits a second. */
function bandwidthOf(annotations: Record<string, string>): Record<string, number> | undefined {
  const rate = (way: string) => {
    const match = /^(\d+(?:\.\d+)?)(k|M|G|T|Ki|Mi|Gi|Ti)?$/.exec(
      annotations[`kubernetes.io/${way}-bandwidth`] ?? '',
    );
    return match ? Math.round(Number(match[1]) * (SUFFIXES[match[2] ?? ''] ?? 1)) : 0;
  };
  const [ingress, egress] = [rate('ingress'), rate('egress')];
  if (ingress === 0 && egress === 0) return undefined;
  return {
    ...(ingress > 0 && { ingressRate: ingress, ingressBurst: BURST }),
    ...(egress > 0 && { egressRate: egress, egressBurst: BURST }),
  };
}
