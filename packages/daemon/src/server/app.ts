import type { IncomingMessage, ServerResponse } from 'node:http';
import { type DescribedOperation, describedOperations, type Parameter, schemaLookup } from '@berth/api-spec';
import fastify, {
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type HTTPMethods,
} from 'fastify';
import { requestArrived } from '../base/buffers.ts';
import { BerthError } from '../base/errors.ts';
import { log } from '../base/log.ts';
import { begin } from '../base/meters.ts';
import { type SpanAttributes, span, tracing } from '../base/spans.ts';
import type { ApiReply, Received, Server } from './api.ts';
import { putOddTypeAside, readJson } from './body.ts';
import { decodeBody, decodeParameter } from './decode.ts';
import { toHttp } from './errors.ts';
import { PathRewriter } from './paths.ts';
import { Reply } from './reply.ts';
import { errorTextFor } from './shapes/error-texts.ts';
import { API_VERSION, minorVersion, NEWEST_MINOR } from './versions.ts';
import { startWatchdog } from './watchdog.ts';

/** The version prefix of a request, found when its path was split. */
const asked = Symbol('berth.version');
/** A handler once its operation's types are left behind: the document has been held against the request by then. */
type AnyHandler = (request: never, reply: ApiReply) => Promise<unknown> | unknown;
type Routed = IncomingMessage & { [asked]?: string };

/** A request's JSON with the API version that it is decoded by; `value` is undefined where there was no body. */
class Undecoded {
  readonly value: unknown;
  readonly version: number;

  constructor(value: unknown, version: number) {
    this.value = value;
    this.version = version;
  }
}

export interface App extends Server {
  /** Operations served so far. */
  served(): ReadonlySet<string>;
  /** Ends the registration; the listener for HTTP servers. */
  ready(): Promise<(request: IncomingMessage, response: ServerResponse) => void>;
}

/** The HTTP application: Fastify with the API document's operations. `serverName` is the Server header. */
export function createApp(serverName: string, experimental = false): App {
  const operations = describedOperations();
  const lookup = schemaLookup();
  const paths = new PathRewriter();
  for (const { method, path } of operations.values()) paths.add(method, path);
  const common: Record<string, string> = {
    'Api-Version': API_VERSION,
    'Docker-Experimental': String(experimental),
    Ostype: 'linux',
    Server: serverName,
  };
  const served = new Set<string>();
  const watch = startWatchdog();

  const app: FastifyInstance = fastify({
    logger: false,
    exposeHeadRoutes: false,
    // Node's own limits apply; names of images may be long.
    routerOptions: { maxParamLength: 8192 },
    bodyLimit: Number.MAX_SAFE_INTEGER,
    rewriteUrl(request) {
      requestArrived();
      watch?.(request.method ?? '', request.url ?? '');
      putOddTypeAside(request);
      const { version, url } = paths.rewrite(request.method ?? 'GET', request.url ?? '/');
      if (version !== undefined) (request as Routed)[asked] = version;
      return url;
    },
    frameworkErrors: (error, request, reply) => failed(error, request, reply),
  });
  // Bodies are read by the operation's own rules, or streamed to its handler.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    '*',
    (_request: FastifyRequest, _payload: IncomingMessage, done: (error: null) => void) => done(null),
  );
  app.setNotFoundHandler((request, reply) => {
    // As in dockerd, a path that is no operation has no version.
    const answer = new Reply(reply, request.raw, { Server: serverName });
    if (request.method === 'OPTIONS') answer.send('');
    else answer.fail(404, 'page not found');
  });
  app.setErrorHandler(failed);
  // The schemas are the document's; a part of a request is decoded by them when its first request comes.
  app.setValidatorCompiler(({ schema, httpPart }) => {
    const described = (schema as { operation: DescribedOperation }).operation;
    if (httpPart === 'querystring') return attempt((query) => decodeQuery(described, query));
    const body = described.operation.requestBody!.content['application/json']!.schema ?? {};
    return attempt((given) => {
      const { value, version } = given as Undecoded;
      return value === undefined ? undefined : decodeBody(lookup, body, value, version);
    });
  });

  function failed(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
    const { status, message } = toHttp(error);
    report(error, status, message, request);
    new Reply(reply, request.raw, common).fail(status, message);
  }

  async function run(
    operation: string,
    handler: AnyHandler,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<void> {
    const answer = new Reply(reply, request.raw, common);
    const end = begin(operation);
    let failed = false;
    try {
      const result = handler(new Incoming(request, reply.raw) as never, answer);
      answer.send(result instanceof Promise ? await result : result);
    } catch (error) {
      failed = true;
      const { status, message } = toHttp(error);
      report(error, status, message, request);
      answer.fail(status, errorTextFor(versionOf(request), operation, message));
    } finally {
      end(failed);
    }
  }

  /** A request that is traced ends its span with the handler. */
  function traced(
    operation: string,
    handler: AnyHandler,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<void> {
    if (!tracing()) return run(operation, handler, request, reply);
    const attributes: SpanAttributes = {
      'http.request.method': request.method,
      'url.path': request.url,
      traceparent: String(request.headers['traceparent'] ?? ''),
    };
    const work = async () => {
      await run(operation, handler, request, reply);
      attributes['http.response.status_code'] = reply.raw.statusCode;
    };
    return span(operation, work, attributes);
  }

  return {
    serve(operationId, handler) {
      const described = operations.get(operationId);
      if (!described) throw new Error(`the API document does not describe ${operationId}`);
      if (served.has(operationId)) throw new Error(`${operationId} is served twice`);
      served.add(operationId);
      const versioned = described.parameters.filter(
        ({ in: place, ...given }) =>
          place === 'query' && (given['x-since'] ?? given['x-until']) !== undefined,
      );
      const json = described.operation.requestBody?.content['application/json'] !== undefined;
      app.route({
        method: described.method as HTTPMethods,
        url: described.path.replaceAll(/\{([^}]+)\}/g, ':$1'),
        schema: {
          querystring: { operation: described },
          ...(json ? { body: { operation: described } } : {}),
        },
        attachValidation: false,
        onRequest(request, _reply, done) {
          try {
            leaveOut(versioned, request.query as Record<string, unknown>, versionOf(request));
            done();
          } catch (error) {
            done(error as Error);
          }
        },
        ...(json && {
          async preValidation(request) {
            request.body = new Undecoded(await readJson(request.raw), versionOf(request));
          },
        }),
        handler(request, reply) {
          void traced(operationId, handler, request, reply);
        },
      });
    },
    served: () => served,
    async ready() {
      await app.ready();
      return app.routing.bind(app);
    },
  };
}

/** Errors of ours are the client's business; any other is a mistake in the daemon, whose place must be found. */
function report(error: unknown, status: number, message: string, { method, url, raw }: FastifyRequest): void {
  if (
    error instanceof BerthError ||
    (error as { statusCode?: number }).statusCode !== undefined ||
    (raw.socket.destroyed && isAbort(error as Error))
  )
    log.debug({ method, path: url, status }, message);
  else log.error({ err: error, method, path: url }, message);
}

/** What work that was given up ends with: by a signal, or by the end of the body that it reads. */
const isAbort = ({ name, message }: Error): boolean => name === 'AbortError' || message === 'aborted';

/** Fastify takes a validator's error as a value. */
function attempt(
  decode: (value: unknown) => unknown,
): (value: unknown) => { value?: unknown; error?: Error } {
  return (value) => {
    try {
      return { value: decode(value) };
    } catch (error) {
      return { error: error as Error };
    }
  };
}

/** The minor API version of a request. @throws invalid-parameter for one that is not spoken. */
function versionOf(request: FastifyRequest): number {
  const version = (request.raw as Routed)[asked];
  return version === undefined ? NEWEST_MINOR : minorVersion(version);
}

/** Takes the parameters away that the version does not have: dockerd neither reads nor checks one of another version. */
function leaveOut(parameters: Parameter[], query: Record<string, unknown>, version: number): void {
  for (const { name, 'x-since': since = 0, 'x-until': until = Number.POSITIVE_INFINITY } of parameters)
    if (version < since || version >= until) delete query[name];
}

function decodeQuery({ parameters }: DescribedOperation, query: unknown): Record<string, unknown> {
  const raw = query as Record<string, unknown>;
  const decoded: Record<string, unknown> = {};
  for (const { name, in: place, schema } of parameters) {
    if (place !== 'query') continue;
    const value = decodeParameter(schema, raw[name]);
    if (value !== undefined) decoded[name] = value;
  }
  return decoded;
}

/** A request as handlers see it. */
class Incoming implements Received {
  private readonly request: FastifyRequest;
  private readonly response: ServerResponse;
  private controller: AbortController | undefined;

  constructor(request: FastifyRequest, response: ServerResponse) {
    this.request = request;
    this.response = response;
  }

  get params(): Record<string, string> {
    return this.request.params as Record<string, string>;
  }

  get query(): Record<string, unknown> {
    return this.request.query as Record<string, unknown>;
  }

  get body(): unknown {
    return this.request.body;
  }

  get headers(): IncomingMessage['headers'] {
    return this.request.raw.headers;
  }

  get version(): number {
    return versionOf(this.request);
  }

  get raw(): IncomingMessage {
    return this.request.raw;
  }

  get signal(): AbortSignal {
    if (!this.controller) {
      const controller = new AbortController();
      this.controller = controller;
      const response = this.response;
      const socket = this.request.raw.socket;
      const gone = () => {
        if (!response.writableFinished) controller.abort();
      };
      if (socket.destroyed) controller.abort();
      else socket.once('close', gone);
      response.once('finish', () => socket.off('close', gone));
    }
    return this.controller.signal;
  }
}
