import type { IdRange, PodConfig, PodPort } from '../../pods/api.ts';
import { isIpcSysctl } from '../../runtime/index.ts';
import {
  address,
  below,
  choice,
  line,
  list,
  message,
  needed,
  noWindows,
  path,
  refuse,
  text,
  texts,
  within,
} from '../checks.ts';
import type { IdMapping, NamespaceOption, PodSandboxConfig } from '../messages.ts';
import { security } from './security.ts';

/** The kernel's limit of a host name. */
const HOSTNAME_MAX = 64;
const NAME_MAX = 253;
/** Ids are 32 bits, of which the last stands for none. */
const IDS = 2 ** 32 - 1;

const MODES = ['pod', 'container', 'node', 'target'] as const;
const PROTOCOLS = ['tcp', 'udp', 'sctp'] as const;

/** A pod as it is asked for by RunPodSandbox. @throws invalid-parameter naming the field. */
export function podConfig(given: PodSandboxConfig | null, handler: string): PodConfig {
  const config = message(given, 'config');
  const metadata = message(config.metadata, 'config.metadata');
  const name = (value: string, field: string) => {
    const checked = needed(value, `config.metadata.${field}`, NAME_MAX);
    if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(checked))
      throw refuse(
        `config.metadata.${field}`,
        `${JSON.stringify(checked)} is no name: use letters, digits, "-", "." and "_"`,
      );
    return checked;
  };
  noWindows(config.windows, 'config.windows');
  const confined = config.linux?.security_context;
  // They are of a process that a pod here has not got, and are checked alone.
  security(confined, '');
  const options = 'config.linux.security_context.namespace_options';
  const modes = namespaces(confined?.namespace_options ?? null, options);
  if (confined?.namespace_options?.pid === MODES.indexOf('target'))
    throw refuse(`${options}.pid`, 'TARGET is for containers');
  const pod: PodConfig = {
    name: name(metadata.name, 'name'),
    uid: name(metadata.uid, 'uid'),
    namespace: name(metadata.namespace, 'namespace'),
    attempt: within(metadata.attempt, 'config.metadata.attempt', 0, IDS),
    hostname: hostname(config.hostname),
    labels: texts(config.labels, 'config.labels'),
    annotations: texts(config.annotations, 'config.annotations'),
    logDirectory: path(config.log_directory, 'config.log_directory', false),
    ...(config.dns_config && { dns: dns(config.dns_config) }),
    ports: list(config.port_mappings, 'config.port_mappings').map(port),
    network: modes.network,
    ipc: modes.ipc,
    pid: modes.pid,
    ...(modes.users && { users: modes.users }),
    cgroupParent: cgroupParent(config.linux?.cgroup_parent),
    sysctls: texts(config.linux?.sysctls, 'config.linux.sysctls'),
    privileged: confined?.privileged === true,
    handler,
  };
  checkTogether(pod);
  return pod;
}

/** The namespaces of a pod or a container, as options name them. */
export function namespaces(options: NamespaceOption | null, field: string) {
  const network = choice(options?.network, `${field}.network`, MODES);
  const ipc = choice(options?.ipc, `${field}.ipc`, MODES);
  const pid = choice(options?.pid, `${field}.pid`, MODES);
  if (options?.target_id && pid !== 'target')
    throw refuse(`${field}.target_id`, 'it belongs to the mode TARGET');
  const shared = (mode: (typeof MODES)[number], name: string): 'pod' | 'node' => {
    if (mode === 'pod' || mode === 'node') return mode;
    throw refuse(`${field}.${name}`, `${mode.toUpperCase()} is not possible here, use POD or NODE`);
  };
  return {
    network: shared(network, 'network'),
    ipc: shared(ipc, 'ipc'),
    // That of another container is a container's matter.
    pid: pid === 'target' ? ('container' as const) : pid,
    users: users(options, `${field}.userns_options`),
  };
}

function users(options: NamespaceOption | null, field: string): PodConfig['users'] {
  const asked = options?.userns_options;
  if (!asked) return undefined;
  const mode = choice(asked.mode, `${field}.mode`, MODES);
  if (mode === 'node') {
    if (asked.uids.length > 0 || asked.gids.length > 0)
      throw refuse(field, 'mappings belong to the mode POD, not to NODE');
    return undefined;
  }
  if (mode !== 'pod')
    throw refuse(`${field}.mode`, `${mode.toUpperCase()} is not possible here, use POD or NODE`);
  return { uids: ranges(asked.uids, `${field}.uids`), gids: ranges(asked.gids, `${field}.gids`) };
}

/** The kernel takes no more lines of one mapping. */
const RANGES_MAX = 340;

/**
 * The id ranges of a pod's user namespace, of one kind of ids. User or group 0 must be mapped, as the pod's first process has
 * it.
 * @throws invalid-parameter for ranges that are empty, overlap or are more than the kernel takes
 */
export function ranges(given: IdMapping[], field: string): IdRange[] {
  if (given.length === 0) throw refuse(field, 'it is missing');
  if (given.length > RANGES_MAX) throw refuse(field, `it has more than ${RANGES_MAX} entries`);
  const mapped = given.map(({ host_id, container_id, length }) => {
    if (length === 0 || host_id + length > IDS || container_id + length > IDS)
      throw refuse(field, `${length} ids from ${container_id} (on the host: ${host_id}) are no range`);
    return { containerID: container_id, hostID: host_id, size: length };
  });
  for (const key of ['containerID', 'hostID'] as const) {
    const sorted = [...mapped].sort((a, b) => a[key] - b[key]);
    sorted.slice(1).forEach((range, index) => {
      const before = sorted[index]!;
      if (before[key] + before.size > range[key]) throw refuse(field, 'two of its ranges overlap');
    });
  }
  if (!mapped.some(({ containerID }) => containerID === 0)) throw refuse(field, 'user 0 is not mapped');
  return mapped;
}

function hostname(given: string): string {
  const name = text(given, 'config.hostname', HOSTNAME_MAX);
  if (name !== '' && !/^[a-zA-Z0-9]([a-zA-Z0-9.-]*[a-zA-Z0-9])?$/.test(name))
    throw refuse('config.hostname', `${JSON.stringify(name)} is no host name`);
  return name;
}

function dns({
  servers,
  searches,
  options,
}: NonNullable<PodSandboxConfig['dns_config']>): NonNullable<PodConfig['dns']> {
  const words = (given: string[], field: string) =>
    list(given, `config.dns_config.${field}`).map((word, index) => {
      const checked = line(word, `config.dns_config.${field}[${index}]`, 1024);
      if (/\s/.test(checked) || checked === '')
        throw refuse(`config.dns_config.${field}[${index}]`, 'it is not one word');
      return checked;
    });
  return {
    servers: list(servers, 'config.dns_config.servers').map((server, index) => {
      const field = `config.dns_config.servers[${index}]`;
      address(needed(server, field).replace(/%[\w.-]+$/, ''), field);
      return server;
    }),
    searches: words(searches, 'searches'),
    options: words(options, 'options'),
  };
}

function port(given: PodSandboxConfig['port_mappings'][number], index: number): PodPort {
  const field = `config.port_mappings[${index}]`;
  return {
    protocol: choice(given.protocol, `${field}.protocol`, PROTOCOLS),
    containerPort: within(given.container_port, `${field}.container_port`, 1, 65535),
    hostPort: within(given.host_port, `${field}.host_port`, 0, 65535),
    hostIp: address(given.host_ip, `${field}.host_ip`),
  };
}

function cgroupParent(given: string | undefined): string {
  const field = 'config.linux.cgroup_parent';
  const parent = below((given ?? '').replace(/^\//, ''), field);
  if (!/^[\w./:@\\-]*$/.test(parent)) throw refuse(field, `${JSON.stringify(parent)} is no cgroup`);
  if (parent === '') return '';
  return parent.endsWith('.slice') && !parent.includes('/') ? parent : `/${parent}`;
}

/** Fields that can contradict each other. */
function checkTogether({ network, ipc, pid, users: mapped, sysctls }: PodConfig): void {
  const options = 'config.linux.security_context.namespace_options';
  if (mapped && network === 'node')
    throw refuse(`${options}.userns_options`, "a pod on the machine's network has the machine's users");
  if (mapped && ipc === 'node')
    throw refuse(`${options}.userns_options`, "a pod of the machine's IPC namespace has the machine's users");
  if (mapped && pid === 'node')
    throw refuse(`${options}.userns_options`, "a pod of the machine's PID namespace has the machine's users");
  for (const name of Object.keys(sysctls)) {
    const key = name.replaceAll('/', '.');
    const field = `config.linux.sysctls[${name}]`;
    if (!/^[\w./-]+$/.test(name) || key.includes('..')) throw refuse(field, 'it is no kernel parameter');
    const ofIpc = isIpcSysctl(key);
    if (!ofIpc && !key.startsWith('net.')) throw refuse(field, "it is not a namespace's own");
    if (ofIpc ? ipc === 'node' : network === 'node')
      throw refuse(field, "the pod has the machine's own namespace, whose parameters it may not set");
  }
}
