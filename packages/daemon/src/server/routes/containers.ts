import { drained } from '@berth/grpc/drained.ts';
import { invalidParameter, unsupported } from '../../base/errors.ts';
import { parseFilters } from '../../base/filters.ts';
import { parseUnixTime } from '../../base/time.ts';
import type { AttachOptions, WaitCondition } from '../../containers/api.ts';
import type { Services } from '../../services.ts';
import type { ApiReply, ApiRequest, Server } from '../api.ts';
import { checkWebSocket } from '../connections/hijack.ts';
import { inspectFor, summaryFor } from '../shapes/containers.ts';
import { createFor } from '../shapes/create.ts';
import { SINCE } from '../shapes/since.ts';
import { archiveRoutes } from './archive.ts';
import { parseSide, RAW_STREAM, send, streamType } from './streams.ts';

/** A body of at most this many bytes (`{}`, `null`) says nothing. */
const NO_BODY = 7;
const CONDITIONS: readonly string[] = ['not-running', 'next-exit', 'removed'];

/** /containers and /commit */
export function containerRoutes(server: Server, rooms: Services): void {
  listAndCreate(server, rooms);
  life(server, rooms);
  streams(server, rooms);
  changes(server, rooms);
  archiveRoutes(server, rooms);
}

function listAndCreate(server: Server, { containers }: Services): void {
  server.serve('ContainerList', async ({ query, version }) => {
    const filters = parseFilters(query['filters']);
    // Old clients name these outside of the filters.
    for (const name of ['before', 'since'] as const) {
      const value = query[name];
      if (value) filters[name] = [value];
    }
    const list = await containers.list({
      all: query['all'] ?? false,
      limit: query['limit'] ?? 0,
      size: query['size'] ?? false,
      filters,
    });
    return list.map((summary) => summaryFor(version, summary));
  });

  server.serve('ContainerCreate', async ({ query, body, version }, reply) => {
    const { warnings, ...options } = createFor(version, body);
    const { Id, Warnings } = await containers.create({
      ...options,
      ...(query['name'] && { name: query['name'] }),
      ...(query['platform'] && { platform: query['platform'] }),
    });
    reply.status(201);
    return { Id, Warnings: [...Warnings, ...warnings] };
  });

  server.serve('ContainerInspect', async ({ params, query, version }) =>
    inspectFor(version, await containers.inspect(params['id']!, { size: query['size'] ?? false })),
  );

  server.serve('ContainerPrune', ({ query }) => containers.prune(parseFilters(query['filters'])));
}

const EXPERIMENTAL =
  'This experimental feature is disabled by default. Start the Docker daemon in experimental mode in order to enable it.';

/** Like dockerd, which refuses them where it is not experimental. */
function checkpoints(server: Server, containers: Services['containers'], experimental: boolean): void {
  const check = () => {
    if (!experimental) throw unsupported(EXPERIMENTAL);
  };
  server.serve('CheckpointList', async ({ params, query }) => {
    check();
    const list = await containers.checkpoints(params['id']!, query['dir'] ?? '');
    return list.length > 0 ? list : null;
  });
  server.serve('CheckpointCreate', async ({ params, body }, reply) => {
    check();
    await containers.checkpoint(params['id']!, {
      id: body?.CheckpointID ?? '',
      exit: body?.Exit ?? false,
      folder: body?.CheckpointDir ?? '',
    });
    reply.status(201);
  });
  server.serve('CheckpointDelete', ({ params, query }) => {
    check();
    return containers.removeCheckpoint(params['id']!, params['checkpoint']!, query['dir'] ?? '');
  });
}

function life(server: Server, { containers, settings }: Services): void {
  server.serve('ContainerStart', ({ params, query, headers }) => {
    const length = headers['transfer-encoding'] ? -1 : Number(headers['content-length'] ?? 0);
    if (length === -1 || length > NO_BODY)
      throw invalidParameter(
        'starting container with non-empty request body was deprecated since API v1.22 and removed in v1.24',
      );
    const { checkpoint = '', 'checkpoint-dir': folder = '' } = query;
    if (!checkpoint && !folder) return containers.start(params['id']!);
    if (!settings.experimental)
      throw invalidParameter('checkpoint is only supported in experimental mode (berthd --experimental)');
    if (!checkpoint) throw invalidParameter('checkpoint-dir needs a checkpoint');
    return containers.start(params['id']!, { id: checkpoint, folder });
  });
  checkpoints(server, containers, settings.experimental);
  const stopOptions = ({ query }: ApiRequest<'ContainerStop' | 'ContainerRestart'>) => ({
    timeout: query['t'],
    signal: query['signal'],
  });
  server.serve('ContainerStop', (request) => containers.stop(request.params['id']!, stopOptions(request)));
  server.serve('ContainerRestart', (request) =>
    containers.restart(request.params['id']!, stopOptions(request)),
  );
  server.serve('ContainerKill', ({ params, query }) => containers.kill(params['id']!, query['signal']));
  server.serve('ContainerPause', ({ params }) => containers.pause(params['id']!));
  server.serve('ContainerUnpause', ({ params }) => containers.unpause(params['id']!));
  server.serve('ContainerRename', ({ params, query }) =>
    containers.rename(params['id']!, query['name'] ?? ''),
  );
  server.serve('ContainerDelete', ({ params, query }) =>
    containers.remove(params['id']!, { force: query['force'], volumes: query['v'], link: query['link'] }),
  );
  server.serve('ContainerUpdate', ({ params, body, version }) => {
    const { PidsLimit, ...change } = body ?? {};
    const known =
      PidsLimit !== undefined && version >= SINCE.updatePidsLimit ? { ...change, PidsLimit } : change;
    // A device that lacks its path or its limit is for the room to refuse.
    return containers.update(params['id']!, known as Parameters<typeof containers.update>[1]);
  });
  server.serve('ContainerResize', async ({ params, query, version }, reply) => {
    const height = parseSide(query['h'], 'height', version);
    const width = parseSide(query['w'], 'width', version);
    await containers.resize(params['id']!, height, width);
    reply.status(200);
  });

  server.serve('ContainerWait', async ({ params, query, version, signal }, reply) => {
    const condition = query['condition'] || 'not-running';
    if (!CONDITIONS.includes(condition))
      throw invalidParameter(`invalid condition: ${JSON.stringify(condition)}`);
    const { done } = containers.wait(params['id']!, condition as WaitCondition, signal);
    const early = version >= SINCE.earlyWait ? reply.stream('application/json') : undefined;
    const { StatusCode, Error: failure } = await done;
    const result = { StatusCode, ...(failure && { Error: failure }) };
    if (!early) return result;
    early.end(`${JSON.stringify(result)}\n`);
    return undefined;
  });
}

function streams(server: Server, { containers }: Services): void {
  server.serve('ContainerLogs', async ({ params, query, version, signal }, reply) => {
    let own = false;
    const { stdout = false, stderr = false } = query;
    // A time that is none is told after a container that is missing, which is told after streams that are not asked for.
    if (stdout || stderr) containers.get(params['id']!);
    const { tty, stream } = await containers.logs(params['id']!, {
      stdout,
      stderr,
      follow: query['follow'] ?? false,
      timestamps: query['timestamps'] ?? false,
      details: query['details'] ?? false,
      since: logTime(query['since']),
      until: logTime(query['until']),
      tail: /^\d+$/.test(query['tail'] ?? '') ? Number(query['tail']) : -1,
      chunks: () => own,
      signal,
    });
    const target = reply.chunks(streamType(tty, version));
    own = target.own;
    await send(stream, target.stream);
  });

  server.serve('ContainerAttach', async (request, reply) => {
    const { params, version, headers } = request;
    try {
      await containers.attach(params['id']!, {
        ...attachOptions(request),
        connection: () => {
          const { Tty } = containers.get(params['id']!).record.config;
          return reply.hijack(headers.upgrade ? streamType(Tty, version) : RAW_STREAM, true);
        },
      });
    } catch (error) {
      reply.failStream(error, RAW_STREAM);
    }
  });

  server.serve('ContainerAttachWebsocket', async (request, reply) => {
    containers.get(request.params['id']!);
    checkWebSocket(request.raw);
    await containers.attach(request.params['id']!, {
      ...attachOptions(request),
      raw: true,
      connection: () => reply.webSocket(),
    });
  });

  server.serve('ContainerTop', ({ params, query }) => containers.top(params['id']!, query['ps_args'] ?? ''));

  server.serve('ContainerStats', async ({ params, query, version, signal }, reply) => {
    const stream = query['stream'] ?? true;
    const oneShot = query['one-shot'] ?? false;
    containers.get(params['id']!);
    if (stream && oneShot) throw invalidParameter('cannot have stream=true and one-shot=true');
    const readings = await containers.stats(params['id']!, {
      stream,
      oneShot,
      signal,
    });
    await sendReadings(readings, version, reply, signal);
  });
}

async function sendReadings(
  readings: AsyncIterable<Record<string, unknown>>,
  version: number,
  reply: ApiReply,
  signal: AbortSignal,
): Promise<void> {
  const stream = reply.stream('application/json');
  try {
    for await (const { os_type, ...reading } of readings) {
      if (signal.aborted) break;
      // A client that is behind wants what is now, not what was.
      if (stream.writableNeedDrain) continue;
      stream.write(`${JSON.stringify(version >= SINCE.statsOsType ? { ...reading, os_type } : reading)}\n`);
    }
  } finally {
    stream.end();
  }
}

function changes(server: Server, { containers }: Services): void {
  server.serve('ContainerChanges', async ({ params }, reply) => {
    const json = await containers.changes(params['id']!);
    const size = json.reduce((sum, { length }) => sum + length, 0);
    if (size <= '[]\n'.length) return null;
    // Of hundreds of thousands: sent as they were told, neither parsed nor written again.
    const body = reply.header('Content-Length', String(size)).stream('application/json');
    for (const piece of json) if (!body.write(piece)) await drained(body);
    body.end();
    return undefined;
  });

  server.serve('ImageCommit', async ({ query, body }, reply) => {
    const Id = await containers.commit(query['container'] ?? '', {
      repository: query['repo'],
      tag: query['tag'],
      comment: query['comment'],
      author: query['author'],
      pause: query['pause'] ?? true,
      changes: query['changes'] ?? [],
      config: body,
    });
    reply.status(201);
    return { Id };
  });
}

function attachOptions({
  query,
}: ApiRequest<'ContainerAttach' | 'ContainerAttachWebsocket'>): Omit<AttachOptions, 'connection'> {
  return {
    stream: query['stream'] ?? false,
    logs: query['logs'] ?? false,
    stdin: query['stdin'] ?? false,
    stdout: query['stdout'] ?? false,
    stderr: query['stderr'] ?? false,
    detachKeys: query['detachKeys'],
  };
}

/** since and until of logs. @throws invalid-parameter with dockerd's text */
function logTime(text: string | undefined): bigint {
  if (!text) return 0n;
  const nanos = parseUnixTime(text);
  if (nanos === undefined)
    throw invalidParameter(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  return nanos;
}
