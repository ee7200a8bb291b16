import { type BerthError, systemError } from '../../base/errors.ts';
import type { CdiEdits, Runtime, RuntimeRequest } from '../../runtime/api.ts';

type DeviceRequest = Record<string, unknown>;

const GPU = 'nvidia.com/gpu';

/**
 * What a container's device requests change of it: names of CDI, and GPUs, which are the devices `nvidia.com/gpu=...` of CDI.
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

/** A request with what its devices change. */
export function withDevices(request: RuntimeRequest, edits: CdiEdits | undefined): RuntimeRequest {
  if (!edits) return request;
  return {
    ...request,
    env: [...request.env, ...edits.env],
    devices: [...request.devices, ...edits.devices],
    groupAdd: [...request.groupAdd, ...edits.groups],
    mounts: [...request.mounts, ...edits.mounts.map((mount) => ({ type: 'bind' as const, ...mount }))],
  };
}
