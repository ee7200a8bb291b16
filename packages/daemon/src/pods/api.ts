import type { NetworkRequest } from '../networks/api.ts';

/** A range of ids of a user namespace: `size` ids from `containerID` are those from `hostID` of the machine. */
export interface IdRange {
  containerID: number;
  hostID: number;
  size: number;
}

/** The identity of a pod: two of the same name, namespace and uid are attempts of one. */
export interface PodIdentity {
  name: string;
  uid: string;
  namespace: string;
  attempt: number;
}

/** The configuration of a pod; it does not change while the pod lives. */
export interface PodConfig extends PodIdentity {
  hostname: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  /** The folder of its containers' logs, on the host; '' for none. */
  logDirectory: string;
  /** The pod's resolver configuration; undefined: that of containers without one. */
  dns?: { servers: string[]; searches: string[]; options: string[] };
  ports: PodPort[];
  /** The owner of the namespaces that its containers share: the pod, or the machine. */
  network: 'pod' | 'node';
  ipc: 'pod' | 'node';
  /** The PID namespace of containers that share one: `container`: each has its own. */
  pid: 'pod' | 'container' | 'node';
  /** The ids of its user namespace; undefined: the machine's users. */
  users?: { uids: IdRange[]; gids: IdRange[] };
  /** Above its containers' cgroups: a path, or a slice of systemd's; '' for the daemon's own. */
  cgroupParent: string;
  sysctls: Record<string, string>;
  privileged: boolean;
  /** The name that its runtime was asked for by; '' for the default. */
  handler: string;
}

/** A port that a pod publishes on the host. */
export interface PodPort {
  protocol: 'tcp' | 'udp' | 'sctp';
  containerPort: number;
  /** 0: it is not published. */
  hostPort: number;
  hostIp: string;
}

/** The record of a pod, kept in the database. */
export interface PodRecord {
  id: string;
  /** `k8s_POD_NAME_NAMESPACE_UID_ATTEMPT`, unique among pods. */
  fullName: string;
  /** RFC 3339 with nanoseconds. */
  created: string;
  config: PodConfig;
  /** `making` is one that no client knows of yet, and that a daemon's end undoes. */
  state: 'making' | 'ready' | 'stopped';
  /** The pause process, the first of its PID namespace, with its start time of /proc/PID/stat, which tells it from another's number. */
  pause?: { pid: number; started: string };
  /** The process that listens on its published ports. */
  proxy?: { pid: number; started: string };
  /** Addresses of its own, the first is the main one; [] on the machine's network. */
  addresses: string[];
  /** The provider that made its network. */
  provider?: 'berth' | 'cni';
  /** The state that the network's provider needs to take it down again. */
  attachment?: unknown;
  /** The limits that its client says it has set on the pod's cgroup; they are told again, and nothing is done by them. */
  limits?: unknown;
}

/** The namespaces and files of a pod, for a container that joins it. */
export interface PodJoin {
  /** The folder with hosts, hostname and resolv.conf. */
  folder: string;
  hostname: string;
  /** Paths of namespaces; `host` for the machine's. `pid` is `private` for a pod whose containers have their own. */
  network: string;
  ipc: string;
  uts: string;
  pid: string;
  /** '' for the machine's. */
  user: string;
  /** The mount point of the pod's shared memory; '' for the machine's. */
  shm: string;
}

/** A change of a pod, for those who follow pods. */
export interface PodChange {
  pod: PodRecord;
  change: 'created' | 'stopped' | 'removed';
}

/** The pods of this daemon. A `reference` is a full id or a unique prefix of one. */
export interface Pods {
  /**
   * Runs a pod; `limits` are kept as by `keepLimits`.
   * @throws conflict for an attempt that is there already; nothing is left of a pod that could not be made.
   */
  run(config: PodConfig, limits?: unknown): Promise<PodRecord>;
  /** Takes its network and namespaces away; what its containers run must have ended. Succeeds for one that is stopped. */
  stop(id: string): Promise<void>;
  /** Keeps the limits that its client has set on a pod's cgroup. @throws conflict when the pod does not run. */
  keepLimits(id: string, limits: unknown): Promise<void>;
  /** Forgets a pod that is stopped. */
  remove(id: string): Promise<void>;
  /** @throws not-found. */
  get(reference: string): PodRecord;
  /** The same; undefined where there is none. */
  find(reference: string): PodRecord | undefined;
  /** Every pod, in no order. */
  all(): PodRecord[];
  /** Whether containers may still be started in it. */
  ready(pod: PodRecord): boolean;
  /** @throws conflict when the pod does not run. */
  join(id: string): PodJoin;
  /** The path of its network namespace; '' on the machine's network. */
  networkNamespace(pod: PodRecord): string;
  /** Whether pods can be given a network, and why not. */
  networkStatus(): Promise<{ ready: boolean; reason: string; message: string }>;
  /** Pods that have something in the networks room, for its reconciliation. */
  attached(): Array<{ request: NetworkRequest; pid: number }>;
  /** Calls `told` for each change of a pod. Returns what ends that. */
  watch(told: (change: PodChange) => void): () => void;
  /** At start-up, before the networks': pods whose namespaces are gone are stopped, and what belongs to none goes. */
  reconcile(): Promise<void>;
}
