import type { PodRecord } from '../api.ts';

/** The network that a pod was given. */
export interface PodAttachment {
  addresses: string[];
  /** The path of the network namespace, where the provider made it; '': the one in the pod's folder. */
  path: string;
  /** Records of listeners for published ports (c/portproxy/portproxy.h). */
  ports: Array<[name: string, ...arguments_: string[]]>;
  /** The provider's state, kept with the pod's record: the network is taken down by it. */
  kept?: unknown;
}

/** A provider of pods' networks. */
export interface PodNetwork {
  readonly name: 'berth' | 'cni';
  /** Whether the pod's network namespace is to be there before `up`. */
  readonly needsNamespace: boolean;
  /** `folder`: where hosts, hostname and resolv.conf are written; `namespaces`: where the pod's namespaces are bound. */
  up(pod: PodRecord, folder: string, namespaces: string): Promise<PodAttachment>;
  /** Succeeds when there is nothing. */
  down(pod: PodRecord, namespaces: string): Promise<void>;
  /** @throws system where what the pod was given is not there any more. */
  check(pod: PodRecord, namespaces: string): Promise<void>;
  /** Whether a pod could be attached now. */
  status(): Promise<{ ready: boolean; reason: string; message: string }>;
}
