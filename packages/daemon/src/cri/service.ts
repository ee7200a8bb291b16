import { GrpcError, type Method } from '@berth/grpc';
import { cri } from '@berth/grpc/cri.ts';
import { log } from '../base/log.ts';
import type { Rooms } from './context.ts';
import { code, grpcError } from './errors.ts';
import * as images from './images/images.ts';
import type { Call, Message } from './messages.ts';
import * as containers from './runtime/containers.ts';
import { containerEvents } from './runtime/events.ts';
import * as exec from './runtime/exec.ts';
import * as metrics from './runtime/metrics.ts';
import * as node from './runtime/node.ts';
import * as sandboxes from './runtime/sandboxes.ts';
import * as stats from './runtime/stats.ts';
import type { Streaming } from './streaming/api.ts';

type Handler = (rooms: Rooms, request: Message, signal: AbortSignal) => Promise<Message>;

const RUNTIME = 'runtime.v1.RuntimeService';
const IMAGES = 'runtime.v1.ImageService';

async function checkpoint(): Promise<Message> {
  throw new GrpcError(
    code.unimplemented,
    'CheckpointContainer is not supported: containers cannot be checkpointed',
  );
}

/** The calls of both services. A call's messages are named after it, but for the few that `MESSAGES` has. */
function unary(streaming: Streaming): Record<string, Record<string, Handler>> {
  return {
    [RUNTIME]: {
      Version: node.version,
      Status: node.status,
      RuntimeConfig: node.runtimeConfig,
      UpdateRuntimeConfig: node.updateRuntimeConfig,
      RunPodSandbox: sandboxes.runPodSandbox,
      StopPodSandbox: sandboxes.stopPodSandbox,
      RemovePodSandbox: sandboxes.removePodSandbox,
      PodSandboxStatus: sandboxes.podSandboxStatus,
      ListPodSandbox: sandboxes.listPodSandbox,
      UpdatePodSandboxResources: sandboxes.updateResources,
      CreateContainer: containers.createContainer,
      StartContainer: containers.startContainer,
      StopContainer: containers.stopContainer,
      RemoveContainer: containers.removeContainer,
      ListContainers: containers.listContainers,
      ContainerStatus: containers.status,
      UpdateContainerResources: containers.updateResources,
      ReopenContainerLog: containers.reopenLog,
      CheckpointContainer: checkpoint,
      ExecSync: exec.execSync,
      Exec: (rooms, request) => exec.exec(rooms, request, streaming),
      Attach: (rooms, request) => exec.attach(rooms, request, streaming),
      PortForward: (rooms, request) => exec.portForward(rooms, request, streaming),
      ContainerStats: stats.containerStats,
      ListContainerStats: stats.listContainerStats,
      PodSandboxStats: stats.podSandboxStats,
      ListPodSandboxStats: stats.listPodSandboxStats,
      ListMetricDescriptors: metrics.listMetricDescriptors,
      ListPodSandboxMetrics: metrics.listPodSandboxMetrics,
    },
    [IMAGES]: {
      ListImages: images.listImages,
      ImageStatus: images.imageStatus,
      PullImage: images.pullImage,
      RemoveImage: images.removeImage,
      ImageFsInfo: images.imageFsInfo,
    },
  };
}

/** The methods of the Container Runtime Interface, v1, for a gRPC server. */
export function criMethods(rooms: Rooms, streaming: Streaming): Record<string, Method> {
  const methods: Record<string, Method<Message, Message>> = {};
  for (const [service, calls] of Object.entries(unary(streaming)))
    for (const [name, handler] of Object.entries(calls))
      methods[`/${service}/${name}`] = {
        ...codecOf(`${name}Request`, `${name}Response`),
        handle: (call) => answered(name, call, async (request) => handler(rooms, request, call.signal)),
      };
  methods[`/${RUNTIME}/GetContainerEvents`] = {
    ...codecOf('GetEventsRequest', 'ContainerEventResponse'),
    handle: (call) =>
      answered('GetContainerEvents', call, async () => {
        await containerEvents(rooms, call);
        return undefined;
      }),
  };
  return methods as Record<string, Method>;
}

/** The names are those of messages in the table; the types of their members are looked at where they are read. */
function codecOf(request: string, response: string): Pick<Method<Message, Message>, 'decode' | 'encode'> {
  return {
    decode: (bytes) => cri.decode(request as never, bytes) as Message,
    encode: (message) => cri.encode(response as never, message as never),
  };
}

async function answered(
  name: string,
  call: Call,
  handle: (request: Message) => Promise<Message | undefined>,
): Promise<Message | undefined> {
  try {
    const { value, done } = await call.requests.next();
    if (done) throw new GrpcError(code.invalidArgument, 'the request is missing');
    return await handle(value as Message);
  } catch (error) {
    const told = grpcError(error);
    log.debug(
      { call: name, code: told.code, err: error },
      'a call of the Container Runtime Interface failed',
    );
    throw told;
  }
}
