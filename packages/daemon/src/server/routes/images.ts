import { invalidParameter } from '../../errors.ts';
import type { OnProgress, Progress, RegistryAuth } from '../../images/face.ts';
import { parsePullName } from '../../images/index.ts';
import type { Rooms } from '../../rooms.ts';
import type { ApiReply, ApiRequest, Server } from '../face.ts';
import { parseFilters } from '../filters.ts';
import { upload } from '../upload.ts';
import { imageInspectFor, imageSummaryFor } from './image-shapes.ts';
import { send } from './streams.ts';

/** Versions from which a parameter means something. */
const PULL_PLATFORM = 32;
const NO_NAME_FILTER = 41;
const SHARED_SIZE = 42;

/** /images, /distribution and /auth. */
export function imageRoutes(server: Server, { images }: Rooms): void {
  server.serve('ImageList', ({ query, version }) => {
    const filters = parseFilters(query['filters']);
    if (version < NO_NAME_FILTER && query['filter'])
      filters['reference'] = [...(filters['reference'] ?? []), query['filter']];
    const options = {
      all: query['all'] ?? false,
      filters,
      sharedSize: version >= SHARED_SIZE && (query['shared-size'] ?? false),
    };
    return images.summaries(options).map((summary) => imageSummaryFor(version, summary));
  });

  server.serve('ImageCreate', async (request, reply) => {
    if (request.query['fromImage']) await pull(request, reply);
    else await importRoot(request, reply);
  });

  async function pull({ query, headers, signal, version }: ApiRequest, reply: ApiReply): Promise<void> {
    const { name, tag } = parsePullName(query['fromImage'], query['tag']);
    const platform = version >= PULL_PLATFORM ? query['platform'] : undefined;
    const auth = registryAuth(headers['x-registry-auth']);
    await streamed(reply, (onProgress) =>
      images.pull({
        name,
        ...(tag === undefined ? { all: true } : { tag }),
        ...(platform ? { platform } : {}),
        ...(auth ? { auth } : {}),
        signal,
        onProgress,
      }),
    );
  }

  async function importRoot({ query, raw, signal, version }: ApiRequest, reply: ApiReply): Promise<void> {
    const { repo = '', tag = '', message, fromSrc = '', changes } = query;
    const platform = version >= PULL_PLATFORM ? query['platform'] : undefined;
    await streamed(reply, async (onProgress) => {
      const id = await images.import(fromSrc === '-' ? upload(raw) : sourceUrl(fromSrc), {
        ...(repo === '' ? {} : { reference: repo, tag }),
        message: message || `Imported from ${fromSrc}`,
        ...(changes ? { changes } : {}),
        ...(platform ? { platform } : {}),
        signal,
        onProgress,
      });
      onProgress({ status: id });
    });
  }

  server.serve('ImageInspect', ({ params, query, version }) => {
    if (query['manifests'] && query['platform'])
      throw invalidParameter('conflicting options: manifests and platform options cannot both be set');
    return imageInspectFor(version, images.inspect(params['name']!, platformOf(query['platform'])));
  });

  server.serve('ImageHistory', ({ params, query }) =>
    images.history(params['name']!, platformOf(query['platform'])),
  );

  server.serve('ImagePush', async ({ params, query, headers, signal }, reply) => {
    const auth = registryAuth(headers['x-registry-auth']);
    await streamed(reply, (onProgress) =>
      images.push({
        name: params['name']!,
        ...(query['tag'] ? { tag: query['tag'] } : {}),
        ...(auth ? { auth } : {}),
        signal,
        onProgress,
      }),
    );
  });

  server.serve('ImageTag', async ({ params, query }, reply) => {
    await images.tag(params['name']!, query['repo'] ?? '', query['tag'] || undefined);
    reply.status(201);
  });

  server.serve('ImageDelete', ({ params, query }) =>
    images.remove(params['name']!, { force: query['force'] ?? false, noprune: query['noprune'] ?? false }),
  );

  server.serve('ImageSearch', ({ query, headers }) => {
    const auth = registryAuth(headers['x-registry-auth']);
    return images.search(query['term'] ?? '', {
      ...(query['limit'] === undefined ? {} : { limit: query['limit'] }),
      filters: parseFilters(query['filters']),
      ...(auth ? { auth } : {}),
    });
  });

  server.serve('ImagePrune', ({ query }) => images.prune(parseFilters(query['filters'])));

  server.serve('ImageGet', ({ params, query, signal }, reply) =>
    save([params['name']!], query, signal, reply),
  );
  server.serve('ImageGetAll', ({ query, signal }, reply) => save(query['names'] ?? [], query, signal, reply));

  async function save(
    names: string[],
    query: ApiRequest['query'],
    signal: AbortSignal,
    reply: ApiReply,
  ): Promise<void> {
    const tar = await images.save(names, { ...platformOf(query['platform']), signal });
    await send(tar, reply.stream('application/x-tar'));
  }

  server.serve('ImageLoad', async ({ query, raw, signal }, reply) => {
    // Whatever goes wrong is told in the stream, as dockerd does.
    const options = platformOf(query['platform']);
    const quiet = query['quiet'] ?? true;
    const lines = reply.lines();
    try {
      await images.load(upload(raw), {
        ...options,
        signal,
        onProgress(line) {
          if (!quiet || line['stream'] !== undefined) lines.write(line);
        },
      });
    } catch (error) {
      lines.write(errorLine(error));
    }
    lines.end();
  });

  server.serve('ImageAnalyze', ({ params, query, signal }) =>
    images.analyze(params['name']!, {
      signal,
      ...(query['top'] === undefined ? {} : { top: query['top'] }),
      ...platformOf(query['platform']),
    }),
  );

  server.serve('SystemAuth', ({ body }) => images.login(body ?? {}));

  server.serve('DistributionInspect', ({ params, headers }) =>
    images.distribution(params['name']!, registryAuth(headers['x-registry-auth'])),
  );
}

/** Runs what tells its progress: the stream begins with the first line, and an error after that is its last one. */
async function streamed(reply: ApiReply, work: (onProgress: OnProgress) => Promise<void>): Promise<void> {
  let lines: ReturnType<ApiReply['lines']> | undefined;
  try {
    await work((line) => {
      lines ??= reply.lines();
      lines.write(line);
    });
  } catch (error) {
    if (!lines) throw error;
    lines.write(errorLine(error));
  }
  (lines ?? reply.lines()).end();
}

function errorLine(error: unknown): Progress {
  const message = error instanceof Error ? error.message : String(error);
  return { errorDetail: { message }, error: message };
}

/** The credentials in a header; what cannot be read counts as none, as with dockerd. */
function registryAuth(header: string | string[] | undefined): RegistryAuth | undefined {
  if (typeof header !== 'string' || header === '') return undefined;
  try {
    const value: unknown = JSON.parse(Buffer.from(header, 'base64').toString());
    return typeof value === 'object' && value !== null ? (value as RegistryAuth) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The platform that a parameter names, as JSON (`{"os":"linux","architecture":"arm64"}`) or in short (`linux/arm64`).
 * @throws invalid-parameter for a malformed or a second one.
 */
function platformOf(given: string | string[] | undefined): { platform?: string } {
  const texts = (Array.isArray(given) ? given : [given ?? '']).filter((text) => text !== '');
  if (texts.length > 1) throw invalidParameter('only one platform can be chosen at a time');
  const [text] = texts;
  if (text === undefined) return {};
  if (!text.startsWith('{')) return { platform: text };
  let value: { os?: unknown; architecture?: unknown; variant?: unknown };
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw invalidParameter(`failed to parse platform: ${(error as Error).message}`);
  }
  const parts = [value.os, value.architecture, ...(value.variant ? [value.variant] : [])];
  if (!parts.every((part) => typeof part === 'string' && part !== ''))
    throw invalidParameter('both OS and Architecture must be provided');
  return { platform: parts.join('/') };
}

/** Where an import comes from; Docker lets `http://` be left out. */
function sourceUrl(text: string): URL {
  try {
    return new URL(text.includes('://') ? text : `http://${text}`);
  } catch {
    throw invalidParameter(`invalid URL: ${JSON.stringify(text)}`);
  }
}
