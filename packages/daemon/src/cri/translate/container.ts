import type { CreateBody, CreateOptions } from '../../containers/api.ts';
import type { Image } from '../../images/api.ts';
import type { PodRecord } from '../../pods/api.ts';
import {
  below,
  choice,
  list,
  message,
  needed,
  noWindows,
  ofField,
  path,
  refuse,
  text,
  texts,
  within,
} from '../checks.ts';
import type { ContainerConfig, ImageSpec, LinuxResources } from '../messages.ts';
import { mounts } from './mounts.ts';
import { type Limits, limits } from './resources.ts';
import { namespaces } from './sandbox.ts';
import { security } from './security.ts';
import { signalName } from './signals.ts';

const NAME_MAX = 253;
const ARGUMENTS_MAX = 16_384;
const IDS = 2 ** 32 - 1;

/** A container as its client described it, which is how it is shown again; kept with the container's record. */
export interface Told {
  name: string;
  attempt: number;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  image: ImageSpec;
  /** The id of the image that the name stood for. */
  imageId: string;
  mounts: ContainerConfig['mounts'];
  resources: LinuxResources | null;
  stopSignal: number;
  logPath: string;
}

/** A container as it is asked for by CreateContainer, as a create of the engine. @throws invalid-parameter naming the field. */
export function containerCreate(
  given: ContainerConfig | null,
  pod: PodRecord,
  findImage: (reference: string) => Image,
): CreateOptions {
  const config = message(given, 'config');
  noWindows(config.windows, 'config.windows');
  const metadata = message(config.metadata, 'config.metadata');
  const name = needed(metadata.name, 'config.metadata.name', NAME_MAX);
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(name))
    throw refuse(
      'config.metadata.name',
      `${JSON.stringify(name)} is no name: use letters, digits, "-", "." and "_"`,
    );
  const attempt = within(metadata.attempt, 'config.metadata.attempt', 0, IDS);
  const wanted = needed(message(config.image, 'config.image').image, 'config.image.image', 4096);
  const image = ofField('config.image.image', () => findImage(wanted));
  const confined = security(config.linux?.security_context, image.config.config?.User ?? '');
  if (confined.host['Privileged'] === true && !pod.config.privileged)
    throw refuse('config.linux.security_context.privileged', 'the pod is not privileged');
  const own = limits(config.linux?.resources, 'config.linux.resources');
  const placed = mounts(config.mounts, pod, findImage);
  const log = logFile(config, pod);
  const labels = texts(config.labels, 'config.labels');
  const annotations = texts(config.annotations, 'config.annotations');
  const told: Told = {
    name,
    attempt,
    labels,
    annotations,
    image: {
      image: config.image!.image,
      annotations: texts(config.image!.annotations, 'config.image.annotations'),
      user_specified_image: text(
        config.image!.user_specified_image,
        'config.image.user_specified_image',
        4096,
      ),
      runtime_handler: text(config.image!.runtime_handler, 'config.image.runtime_handler', NAME_MAX),
    },
    imageId: image.id,
    mounts: config.mounts,
    resources: config.linux?.resources ?? null,
    stopSignal: config.stop_signal,
    logPath: log,
  };
  const { name: podName, namespace, uid } = pod.config;
  const signal = signalName(config.stop_signal, 'config.stop_signal');
  const body: CreateBody = {
    ...commandOf(config),
    Image: image.id,
    User: confined.user,
    Env: list(config.envs, 'config.envs').map(variable),
    Labels: { ...engineLabels(pod, log, annotations), ...labels },
    Tty: config.tty === true,
    OpenStdin: config.stdin === true,
    StdinOnce: config.stdin_once === true,
    AttachStdin: false,
    // Its health is the client's to look after.
    Healthcheck: { Test: ['NONE'] },
    WorkingDir: path(config.working_dir, 'config.working_dir', false),
    ...(signal && { StopSignal: signal }),
    HostConfig: {
      ...hostConfig(config, pod, own),
      ...confined.host,
      GroupAdd: confined.groups,
      Mounts: placed.mounts,
    },
  };
  return {
    name: ['k8s', name, podName, namespace, uid, attempt].join('_'),
    body,
    pod: {
      id: pod.id,
      hostname: pod.config.hostname,
      log,
      capAmbient: confined.capAmbient,
      groupsPolicy: confined.groupsPolicy,
      unified: own.unified,
      hugepages: own.hugepages,
      idmapped: placed.idmapped,
      told,
    },
  };
}

/** Labels by which tools that know dockershim's containers tell what these are. */
function engineLabels(
  pod: PodRecord,
  log: string,
  annotations: Record<string, string>,
): Record<string, string> {
  return {
    'io.kubernetes.docker.type': 'container',
    'io.kubernetes.sandbox.id': pod.id,
    ...(log && { 'io.kubernetes.container.logpath': log }),
    ...Object.fromEntries(Object.entries(annotations).map(([key, value]) => [`annotation.${key}`, value])),
  };
}

function commandOf(config: ContainerConfig): { Entrypoint?: string[]; Cmd?: string[] } {
  const words = (given: string[], field: string) => {
    if (given.length > ARGUMENTS_MAX) throw refuse(field, `it has more than ${ARGUMENTS_MAX} entries`);
    return given.map((word, index) => text(word, `${field}[${index}]`));
  };
  const command = words(config.command, 'config.command');
  const args = words(config.args, 'config.args');
  if (command[0] === '') throw refuse('config.command[0]', 'it is empty');
  return {
    ...(command.length > 0 && { Entrypoint: command }),
    ...(args.length > 0 && { Cmd: args }),
  };
}

function variable({ key, value }: { key: string; value: string }, index: number): string {
  const name = needed(key, `config.envs[${index}].key`);
  if (name.includes('=')) throw refuse(`config.envs[${index}].key`, `${JSON.stringify(name)} has an "="`);
  return `${name}=${text(value, `config.envs[${index}].value`)}`;
}

function logFile(config: ContainerConfig, pod: PodRecord): string {
  const relative = below(config.log_path, 'config.log_path');
  return relative === '' || pod.config.logDirectory === ''
    ? ''
    : `${pod.config.logDirectory.replace(/\/$/, '')}/${relative}`;
}

function hostConfig(config: ContainerConfig, pod: PodRecord, own: Limits): Record<string, unknown> {
  const options = config.linux?.security_context?.namespace_options ?? null;
  const field = 'config.linux.security_context.namespace_options';
  const shared = `container:${pod.id}`;
  const target = options && choice(options.pid, `${field}.pid`, ['pod', 'container', 'node', 'target']);
  const modes = options ? namespaces(options, field) : pod.config;
  if (modes.network !== pod.config.network) throw refuse(`${field}.network`, 'it is not that of the pod');
  if (modes.ipc !== pod.config.ipc) throw refuse(`${field}.ipc`, 'it is not that of the pod');
  if (options?.userns_options && JSON.stringify(modes.users) !== JSON.stringify(pod.config.users))
    throw refuse(`${field}.userns_options`, 'it is not that of the pod');
  let pid = { pod: shared, container: '', node: 'host' }[modes.pid];
  if (target === 'target') pid = `container:${needed(options?.target_id, `${field}.target_id`, 64)}`;
  else if (modes.pid === 'pod' && pod.config.pid !== 'pod') pid = pod.config.pid === 'node' ? 'host' : '';
  return {
    NetworkMode: shared,
    IpcMode: pod.config.ipc === 'node' ? 'host' : shared,
    PidMode: pid,
    UTSMode: pod.config.network === 'node' ? 'host' : '',
    UsernsMode: 'host',
    ...(pod.config.handler && { Runtime: pod.config.handler }),
    RestartPolicy: { Name: 'no' },
    CgroupParent: pod.config.cgroupParent,
    OomScoreAdj: own.oomScoreAdj,
    ...own.host,
    Devices: list(config.devices, 'config.devices').map(device),
    ...(config.CDI_devices.length > 0 && {
      DeviceRequests: [
        {
          Driver: 'cdi',
          DeviceIDs: list(config.CDI_devices, 'config.CDI_devices').map(({ name }, index) =>
            needed(name, `config.CDI_devices[${index}].name`, 1024),
          ),
        },
      ],
    }),
  };
}

function device(
  { container_path, host_path, permissions }: ContainerConfig['devices'][number],
  index: number,
) {
  const field = `config.devices[${index}]`;
  const rights = text(permissions, `${field}.permissions`, 3) || 'rwm';
  if (!/^[rwm]+$/.test(rights))
    throw refuse(`${field}.permissions`, `${JSON.stringify(rights)} is not made of r, w and m`);
  return {
    PathOnHost: path(host_path, `${field}.host_path`),
    PathInContainer: path(container_path, `${field}.container_path`, false) || host_path,
    CgroupPermissions: rights,
  };
}
