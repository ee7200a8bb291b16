import { invalidParameter, systemError } from '../../base/errors.ts';
import { parseFilters } from '../../base/filters.ts';
import type { OnProgress, Progress, RegistryAuth } from '../../images/api.ts';
import { parsePullName } from '../../images/index.ts';
import type { Services } from '../../services.ts';
import type { ApiReply, ApiRequest, Server } from '../api.ts';
import { parsePlatformJson, platformOf } from '../platforms.ts';
import { wordsOf } from '../shapes/error-texts.ts';
import { imageInspectFor, imageSummaryFor } from '../shapes/images.ts';
import { SINCE } from '../shapes/since.ts';
import { upload } from '../upload.ts';
import { send } from './streams.ts';

/** /images, /distribution and /auth. */
export function imageRoutes(server: Server, { images }: Services): void {
  server.serve('ImageList', ({ query, version }) => {
    const filters = parseFilters(query['filters']);
    if (query['filter']) filters['reference'] = [...(filters['reference'] ?? []), query['filter']];
    const options = {
      all: query['all'] ?? false,
      filters,
      sharedSize: query['shared-size'] ?? false,
      manifests: query['manifests'] ?? false,
    };
    return images.summaries(options).map((summary) => imageSummaryFor(version, summary));
  });

  server.serve('ImageCreate', async (request, reply) => {
    if (request.query['fromImage']) await pull(request, reply);
    else await importRoot(request, reply);
  });

  async function pull(request: ApiRequest<'ImageCreate'>, reply: ApiReply): Promise<void> {
    const { query, headers, version, signal } = request;
    const { name, tag } = parsePullName(query['fromImage'] ?? '', query['tag']);
    const { platform } = query;
    const auth = registryAuth(headers['x-registry-auth']);
    await streamed(reply, wordsOf(version, 'ImageCreate'), (onProgress) =>
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

  async function importRoot(
    { query, version, raw, signal }: ApiRequest<'ImageCreate'>,
    reply: ApiReply,
  ): Promise<void> {
    const { repo = '', tag = '', message, fromSrc = '', changes, platform } = query;
    await streamed(reply, wordsOf(version, 'ImageCreate'), async (onProgress) => {
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
    const manifests = query['manifests'] ?? false;
    const chosen = platformOf(query['platform']);
    if (manifests && chosen.platform)
      throw invalidParameter('conflicting options: manifests and platform options cannot both be set');
    return imageInspectFor(version, images.inspect(params['name']!, { ...chosen, manifests }));
  });

  server.serve('ImageHistory', ({ params, query }) =>
    images.history(params['name']!, platformOf(query['platform'])),
  );

  server.serve('ImagePush', async ({ params, query, headers, version, signal }, reply) => {
    const auth = registryAuth(headers['x-registry-auth']);
    const chosen = platformOf(query['platform']);
    const { tag } = query;
    const known = wordsOf(version, 'ImagePush');
    const words = (text: string) =>
      tag && version >= SINCE.namedTag
        ? text.replace(
            /^An image does not exist locally with the tag: (.*)$/,
            (_, name) => `tag does not exist: ${name}:${tag}`,
          )
        : known(text);
    await streamed(reply, words, (onProgress) =>
      images.push({
        name: params['name']!,
        ...(tag ? { tag } : {}),
        ...chosen,
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
    images.remove(params['name']!, {
      force: query['force'] ?? false,
      noprune: query['noprune'] ?? false,
      platforms: (query['platforms'] ?? []).map(parsePlatformJson),
    }),
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

  server.serve('ImageGet', (request, reply) => save([request.params['name']!], request, reply));
  server.serve('ImageGetAll', (request, reply) => save(request.query['names'] ?? [], request, reply));

  async function save(
    names: string[],
    request: ApiRequest<'ImageGet' | 'ImageGetAll'>,
    reply: ApiReply,
  ): Promise<void> {
    const tar = await images.save(names, { ...platformsOf(request), signal: request.signal });
    await send(tar, reply.stream('application/x-tar'));
  }

  server.serve('ImageLoad', async (request, reply) => {
    const { query, version, raw, signal } = request;
    // Any other error is told in the stream, as dockerd does.
    const options = platformsOf(request);
    const quiet = query['quiet'] ?? true;
    // A quiet one answers when an image is there: some clients take that for the end and read no further.
    let lines = quiet ? undefined : reply.lines();
    const write = (line: object) => {
      lines ??= reply.lines();
      lines.write(line);
    };
    try {
      await images.load(upload(raw), {
        ...options,
        signal,
        onProgress(line) {
          if (!quiet || line['stream'] !== undefined) write(line);
        },
      });
    } catch (error) {
      write(errorLine(error, wordsOf(version, 'ImageLoad')));
    }
    (lines ?? reply.lines()).end();
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

/**
 * Runs what tells its progress: the stream begins with the first line, and an error after that is its last one, in the words
 * of the client's version.
 */
async function streamed(
  reply: ApiReply,
  words: (text: string) => string,
  work: (onProgress: OnProgress) => Promise<void>,
): Promise<void> {
  let lines: ReturnType<ApiReply['lines']> | undefined;
  try {
    await work((line) => {
      lines ??= reply.lines();
      lines.write(line);
    });
  } catch (error) {
    if (!lines) throw error;
    lines.write(errorLine(error, words));
  }
  (lines ?? reply.lines()).end();
}

function errorLine(error: unknown, words: (text: string) => string): Progress {
  const message = words(error instanceof Error ? error.message : String(error));
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

/** The platforms that save and load are to keep to. @throws invalid-parameter for several before they were known. */
function platformsOf({ query, version }: ApiRequest<'ImageGet' | 'ImageGetAll' | 'ImageLoad'>): {
  platforms?: string[];
} {
  const given = query['platform'] ?? [];
  if (given.length === 0) return {};
  if (version < SINCE.severalPlatforms && given.length > 1)
    throw invalidParameter(
      'multiple platform parameters are not supported in this API version; use API version 1.52 or later',
    );
  return { platforms: given.map((text) => platformOf(text).platform ?? parsePlatformJson(text)) };
}

/** The source of an import; Docker lets `http://` be left out. */
function sourceUrl(text: string): URL {
  try {
    return new URL(text.includes('://') ? text : `http://${text}`);
  } catch {
    throw /^[a-z]*(:\/\/)?$/.test(text)
      ? systemError(`Get "${text.replace('//', '') || 'http:'}": http: no Host in request URL`)
      : invalidParameter(`invalid URL: ${JSON.stringify(text)}`);
  }
}
