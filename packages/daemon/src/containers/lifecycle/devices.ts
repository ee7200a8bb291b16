import { posix } from 'node:path';
import { type BerthError, invalidParameter, systemError } from '../../base/errors.ts';
import type { CdiEdits, Runtime, RuntimeHandler, RuntimeRequest } from '../../runtime/api.ts';

type DeviceRequest = Record<string, unknown>;

const GPU = 'nvidia.com/gpu';

/**
 * The changes of a container by its device requests: names of CDI, and GPUs, which are the devices `nvidia.com/gpu=...` of CDI.
 * @throws system in dockerd's words for a request that nothing serves; invalid-parameter for a device that is not known
 */
export async function requestedDevices(
  runtime: Pick<Runtime, 'cdi'>,
  requests: readonly DeviceRequest[],
): Promise<CdiEdits | undefined> {
  if (requests.length === 0) return undefined;
  const names: string[] = [];
  for (const request of requests) {
    const ids = (request['DeviceIDs'] as string[] | null | undefined) ?? [];
    if (request['Driver'] === 'cdi') names.push(...ids);
    else names.push(...(await gpus(runtime, request, ids)));
  }
  return runtime.cdi.edits([...new Set(names)]);
}

async function gpus(
  runtime: Pick<Runtime, 'cdi'>,
  request: DeviceRequest,
  ids: readonly string[],
): Promise<string[]> {
  const driver = request['Driver'] ?? '';
  const groups = (request['Capabilities'] as string[][] | null | undefined) ?? [];
  const known = await runtime.cdi.devices();
  const wanted = (driver === '' || driver === 'nvidia') && groups.some((group) => group.includes('gpu'));
  if (!wanted || !known.some((name) => name.startsWith(`${GPU}=`))) throw noDriver(request, groups);
  if (ids.length > 0) return ids.map((id) => `${GPU}=${id}`);
  const count = typeof request['Count'] === 'number' ? request['Count'] : 0;
  if (count < 0) return [`${GPU}=all`];
  return Array.from({ length: count }, (_, index) => `${GPU}=${index}`);
}

function noDriver(request: DeviceRequest, groups: string[][]): BerthError {
  const capabilities = groups.map((group) => `[${group.join(' ')}]`).join(' ');
  return systemError(
    `could not select device driver ${JSON.stringify(request['Driver'] ?? '')} with capabilities: [${capabilities}]`,
  );
}

/**
 * The runtime of a container with these devices: the one that it asks for, or another where a device needs what Berth's own
 * can't do.
 * @throws invalid-parameter naming the specification's field where there is no such runtime; as `resolve` of the handlers
 */
export async function deviceRuntime(
  { handlers }: Pick<Runtime, 'handlers'>,
  name: string,
  edits: CdiEdits | undefined,
): Promise<RuntimeHandler> {
  const { beyond } = edits ?? {};
  if (!beyond) return handlers.resolve(name);
  const handler = await handlers.resolveBeyond(name, beyond.field);
  if (handler) return handler;
  const how = {
    hooks: 'install runc or crun, or register a runtime (--add-runtime)',
    intelRdt: 'install runc or crun, or register a runtime (--add-runtime)',
    netDevices:
      'install runc 1.4 or register a runtime that tells of linux.netDevices in its features (--add-runtime)',
  }[beyond.field];
  throw invalidParameter(
    `CDI device injection failed: ${beyond.at} needs an OCI runtime that can apply it, and none is there: ${how}`,
  );
}

/** A list in which further entries take the place of those that are alike. */
function overlaid<T>(list: readonly T[], more: readonly T[], key: (entry: T) => string): T[] {
  const entries = new Map([...more].map((entry) => [key(entry), entry]));
  return [...list.filter((entry) => !entries.has(key(entry))), ...entries.values()];
}

/** A request with what its devices change. */
export function withDevices(request: RuntimeRequest, edits: CdiEdits | undefined): RuntimeRequest {
  if (!edits) return request;
  return {
    ...request,
    env: overlaid(request.env, edits.env, (variable) => variable.split('=', 1)[0]!),
    cdi: edits,
    groupAdd: [...request.groupAdd, ...edits.groups],
    mounts: overlaid(request.mounts, edits.mounts, ({ destination }) => posix.normalize(destination)),
  };
}
