import { invalidParameter, systemError, unsupported } from '../../base/errors.ts';
import { parseFilters } from '../../base/filters.ts';
import { jsonProblem, parseJson } from '../../base/go-json.ts';
import type { BuildOptions } from '../../builder/api.ts';
import type { Services } from '../../services.ts';
import type { ApiRequest, Server } from '../api.ts';
import { upload } from '../upload.ts';

const NO_UPGRADE = 'no upgrade proto in request';

/** POST /build and the cache. */
export function buildRoutes(server: Server, rooms: Services): void {
  server.serve('ImageBuild', async (request, reply) => {
    const options = buildOptions(request);
    let lines: ReturnType<typeof reply.lines> | undefined;
    try {
      await rooms.builder.build(upload(request.raw), options, () => {
        lines = reply.lines();
        return (line) => lines!.write(line);
      });
    } catch (error) {
      // Once the stream has begun, the error is its last line.
      if (!lines) throw error;
    }
    lines?.end();
  });

  server.serve('BuildPrune', async ({ query }) => {
    const pruned = await rooms.builder.prune({
      filters: parseFilters(query['filters']),
      all: query['all'] ?? false,
      keepStorage: query['reserved-space'] || (query['keep-storage'] ?? 0),
      maxUsed: query['max-used-space'] ?? 0,
      minFree: query['min-free-space'] ?? 0,
    });
    rooms.events.emit('builder', 'prune', '', { reclaimed: String(pruned.SpaceReclaimed) });
    return { ...pruned, CachesDeleted: pruned.CachesDeleted.length > 0 ? pruned.CachesDeleted : null };
  });

  server.serve('Session', async (request, reply) => {
    // Node joins a repeated header's values.
    const methods = String(request.headers['x-docker-expose-session-grpc-method'] ?? '').split(/, */);
    const refused = upgradeRefusal(request.headers.upgrade);
    if (refused) throw invalidParameter(refused);
    await rooms.builder.ready();
    await rooms.builder.session(await reply.hijack(), request.headers, methods);
  });
  server.serve('Grpc', async (request, reply) => {
    const refused = upgradeRefusal(request.headers.upgrade);
    if (refused) throw systemError(refused);
    await rooms.builder.ready();
    await rooms.builder.grpc(await reply.hijack());
  });

  // Only BuildKit builds on this path had an id; there are none, and dockerd too is silent about an unknown one.
  server.serve('BuildCancel', ({ query }) => {
    if (!query['id']) throw invalidParameter('build ID not provided');
    return '';
  });
}

/** Why a connection cannot become a stream of gRPC, which is spoken over HTTP/2 alone. */
function upgradeRefusal(asked: string | undefined): string | undefined {
  if (!asked) return NO_UPGRADE;
  return asked.toLowerCase() === 'h2c' ? undefined : `protocol ${asked} not supported`;
}

/** The names of parameters in error messages. */
const readable: Record<string, string> = {
  buildargs: 'build args',
  cachefrom: 'cache-from',
  ulimits: 'ulimit settings',
};

function json<T>(
  request: ApiRequest<'ImageBuild'>,
  name: 'buildargs' | 'labels' | 'cachefrom' | 'ulimits',
  byDefault: T,
): T {
  const text = request.query[name];
  if (text === undefined || text === '') return byDefault;
  let value: unknown;
  try {
    value = parseJson(text) ?? byDefault;
  } catch (error) {
    throw invalidParameter(`error reading ${readable[name] ?? name}: ${jsonProblem(text, error).message}`);
  }
  const { fits, type } = accepted[name]!;
  if (!fits(value)) {
    const kind = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value;
    throw invalidParameter(
      `error reading ${readable[name] ?? name}: json: cannot unmarshal ${kind} into Go value of type ${type}`,
    );
  }
  return value as T;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isText = (value: unknown) => typeof value === 'string';

/** The type of each parameter in JSON, with Go's name of it. */
const accepted: Record<string, { type: string; fits(value: unknown): boolean }> = {
  buildargs: {
    type: 'map[string]*string',
    fits: (value) => isObject(value) && Object.values(value).every((one) => one === null || isText(one)),
  },
  labels: {
    type: 'map[string]string',
    fits: (value) => isObject(value) && Object.values(value).every(isText),
  },
  cachefrom: { type: '[]string', fits: (value) => Array.isArray(value) && value.every(isText) },
  ulimits: {
    type: '[]*container.Ulimit',
    fits: (value) =>
      Array.isArray(value) &&
      value.every(
        (one) =>
          isObject(one) &&
          isText(one['Name']) &&
          [one['Soft'], one['Hard']].every((limit) => limit === undefined || Number.isSafeInteger(limit)),
      ),
  },
};

/** The one output of a build. @throws unsupported for the classic builder; invalid-parameter for several, or what is none */
function outputOf(text: string, buildKit: boolean): BuildOptions['output'] {
  if (text === '' || text === 'null' || text === '[]') return undefined;
  if (!buildKit) throw unsupported('the "outputs" option needs BuildKit');
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (error) {
    throw invalidParameter(`error reading outputs: ${jsonProblem(text, error).message}`);
  }
  if (!Array.isArray(value) || !value.every(isObject))
    throw invalidParameter('error reading outputs: it is no list of {"Type": ..., "Attrs": {...}}');
  if (value.length > 1) throw invalidParameter('multiple outputs not supported');
  const [{ Type, Attrs = {} }] = value as [Record<string, unknown>];
  if (!isText(Type) || !isObject(Attrs ?? {}) || !Object.values(Attrs ?? {}).every(isText))
    throw invalidParameter('error reading outputs: Type and the values of Attrs are texts');
  return { type: Type as string, attributes: { ...(Attrs as Record<string, string>) } };
}

function buildOptions(request: ApiRequest<'ImageBuild'>): BuildOptions {
  const { query } = request;
  if (query['version'] && !['1', '2'].includes(query['version']))
    throw invalidParameter(`invalid version ${JSON.stringify(query['version'])}`);
  if (query['isolation'] && query['isolation'] !== 'default')
    throw invalidParameter(`unsupported isolation: ${JSON.stringify(query['isolation'])}`);
  if (query['securityopt']) throw invalidParameter('security options are not supported on linux');
  if (query['squash']) throw invalidParameter('squash is only supported with experimental mode');
  const registries = request.headers['x-registry-config'];
  let credentials: BuildOptions['registries'] = {};
  if (typeof registries === 'string') {
    try {
      credentials = JSON.parse(Buffer.from(registries, 'base64url').toString()) ?? {};
    } catch {
      credentials = {};
    }
  }
  return {
    dockerfile: query['dockerfile'] || 'Dockerfile',
    tags: (query['t'] ?? []).filter((tag) => tag !== ''),
    remote: query['remote'] ?? '',
    buildArgs: json(request, 'buildargs', {}),
    labels: json(request, 'labels', {}),
    target: query['target'] ?? '',
    noCache: query['nocache'] ?? false,
    pull: query['pull'] ?? false,
    platform: query['platform'] ?? '',
    cacheFrom: json(request, 'cachefrom', []),
    quiet: query['q'] ?? false,
    buildKit: query['version'] === '2',
    output: outputOf(query['outputs'] ?? '', query['version'] === '2'),
    session: query['session'] ?? '',
    rm: query['rm'] ?? true,
    forceRm: query['forcerm'] ?? false,
    networkMode: query['networkmode'] ?? '',
    extraHosts: (query['extrahosts'] ?? []).flatMap((hosts) => hosts.split(',')).filter(Boolean),
    hostConfig: {
      Memory: query['memory'] ?? 0,
      MemorySwap: query['memswap'] ?? 0,
      CpuShares: query['cpushares'] ?? 0,
      CpuPeriod: query['cpuperiod'] ?? 0,
      CpuQuota: query['cpuquota'] ?? 0,
      CpusetCpus: query['cpusetcpus'] ?? '',
      CpusetMems: query['cpusetmems'] ?? '',
      CgroupParent: query['cgroupparent'] ?? '',
      ShmSize: query['shmsize'] ?? 0,
      Isolation: query['isolation'] ?? '',
      Ulimits: json(request, 'ulimits', []),
    },
    registries: credentials,
    signal: request.signal,
  };
}
