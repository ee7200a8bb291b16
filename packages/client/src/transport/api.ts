import type { Duplex } from 'node:stream';
import type { OperationId, RequestOf, ResponseOf, Routes, SentQueryOf } from '@berth/api-spec';
import { CliError } from '../base/errors.ts';
import type { Body } from './body.ts';
import { dial } from './dial.ts';
import type { Endpoint } from './endpoint.ts';
import { ConnectionError } from './errors.ts';
import { type Answer, HttpConnection, type Request } from './http.ts';
import { explainClosedTls, explainTls } from './tls-errors.ts';

/** The version of the Docker Engine API the client speaks, the one whose shapes its output shows. */
export const apiVersion = '1.45';
/** How the client names itself. */
export const userAgent = 'Berth-Client/0.1.0 (linux)';

/** The daemon refused. */
export class ApiError extends CliError {
  readonly status: number;
  /** The daemon's own words. */
  readonly reason: string;

  constructor(status: number, reason: string) {
    super(`Error response from daemon: ${reason}`);
    this.name = 'ApiError';
    this.status = status;
    this.reason = reason;
  }
}

export type Query = Record<string, string | number | boolean | readonly string[] | undefined>;

interface AnyCall {
  query?: Query;
  body?: unknown;
  headers?: Record<string, string | readonly string[]>;
  signal?: AbortSignal;
  /** Speak this version of the API in this call. */
  version?: string;
}

/** Query, body and headers of a call of one operation of the API document. */
export interface CallOptions<Id extends OperationId> extends AnyCall {
  query?: SentQueryOf<Id> & Query;
  /** An object is sent as JSON, bytes and streams as they are. */
  body?: RequestOf<Id>;
}

function queryString(query: Query | undefined): string {
  if (!query) return '';
  const parts: string[] = [];
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined) continue;
    const values = Array.isArray(value) ? (value as string[]) : [value];
    for (const one of values)
      parts.push(`${name}=${encodeURIComponent(one === true ? '1' : one === false ? '0' : String(one))}`);
  }
  return parts.length ? `?${parts.join('&')}` : '';
}

/** A path with names in it as the user wrote them: what would end the path, or the request's line, is escaped. */
const escapePath = (path: string): string =>
  path.replace(/%(?![0-9A-Fa-f]{2})|[^\x21-\x7e]|[?#]/gu, (char) => encodeURIComponent(char));

function compareVersions(a: string, b: string): number {
  const [x, y] = [a.split('.').map(Number), b.split('.').map(Number)];
  return x[0]! - y[0]! || (x[1] ?? 0) - (y[1] ?? 0);
}

export interface ApiOptions {
  /** Speak this version whatever the daemon says (DOCKER_API_VERSION). */
  version?: string;
  headers?: Record<string, string>;
  debug?: (line: string) => void;
}

/** The daemon's API on one endpoint. Connections are kept and used again. */
export class Api {
  readonly endpoint: Endpoint;
  /** The version in use; lowered when the daemon turns out to be older. */
  version: string;
  private readonly pinned: boolean;
  private readonly headers: Record<string, string>;
  private readonly debug: ((line: string) => void) | undefined;
  private readonly idle: HttpConnection[] = [];
  private negotiated = false;

  constructor(endpoint: Endpoint, options: ApiOptions = {}) {
    this.endpoint = endpoint;
    this.version = options.version ?? apiVersion;
    this.pinned = options.version !== undefined;
    this.debug = options.debug;
    this.headers = {
      Host: endpoint.scheme === 'tcp' ? `${endpoint.address}:${endpoint.port}` : 'api.moby.localhost',
      'User-Agent': userAgent,
      ...options.headers,
    };
  }

  private async connection(): Promise<HttpConnection> {
    for (let free = this.idle.pop(); free; free = this.idle.pop()) if (free.alive) return free;
    return new HttpConnection(await dial(this.endpoint));
  }

  /** Opens a connection ahead of its use, to save its time later. */
  async warm(): Promise<void> {
    this.idle.push(new HttpConnection(await dial(this.endpoint)));
  }

  private async send(request: Request, options: { hijack?: boolean; signal?: AbortSignal }): Promise<Answer> {
    options.signal?.throwIfAborted();
    const connection = await this.connection();
    const abort = (): void => connection.destroy();
    options.signal?.addEventListener('abort', abort, { once: true });
    try {
      return await connection.exchange(request, {
        hijack: options.hijack,
        onIdle: () => {
          options.signal?.removeEventListener('abort', abort);
          this.idle.push(connection);
        },
      });
    } catch (error) {
      if (options.signal?.aborted) throw options.signal.reason;
      if (error instanceof CliError) throw error;
      const meaning = explainTls(error as Error) ?? explainClosedTls(this.endpoint, error as Error);
      throw new ConnectionError(
        `error during connect to ${this.endpoint.host}: ${meaning ?? (error as Error).message}`,
      );
    }
  }

  private request(method: string, path: string, version: string, options: AnyCall): Request {
    const headers: Request['headers'] = { ...this.headers, ...options.headers };
    let { body } = options;
    if (body !== undefined && typeof body === 'object' && !Buffer.isBuffer(body) && !isStream(body)) {
      body = JSON.stringify(body);
      headers['Content-Type'] = 'application/json';
    }
    return {
      method,
      path: `${this.endpoint.base}${version ? `/v${version}` : ''}${escapePath(path)}${queryString(options.query)}`,
      headers,
      ...(body === undefined ? {} : { body: body as string }),
    };
  }

  /**
   * Learns which versions the daemon speaks. Needed before a request whose body can be sent only once; all others
   * are simply sent, and sent again when the daemon says it is older.
   */
  async negotiate(): Promise<void> {
    if (this.negotiated || this.pinned) return;
    const { 'api-version': offered } = await this.ping();
    this.negotiated = true;
    if (offered && compareVersions(offered, this.version) < 0) this.version = offered;
  }

  /** The headers by which a daemon tells what it is: `api-version`, `builder-version` ... */
  private async ping(): Promise<Answer['headers']> {
    const answer = await this.send(this.request('HEAD', '/_ping', '', {}), {});
    await answer.body.text();
    return answer.headers;
  }

  /** Whether the daemon wants builds by BuildKit (`Builder-Version: 2`). */
  async prefersBuildKit(): Promise<boolean> {
    return (await this.ping())['builder-version'] === '2';
  }

  private async checked(method: string, path: string, options: AnyCall, hijack: boolean): Promise<Answer> {
    if (isStream(options.body)) await this.negotiate();
    for (let attempt = 0; ; attempt++) {
      const version = options.version ?? this.version;
      const request = this.request(method, path, version, options);
      this.debug?.(`${method} ${request.path}`);
      const answer = await this.send(request, {
        hijack,
        ...(options.signal ? { signal: options.signal } : {}),
      });
      if (answer.status < 400) return answer;
      const text = await answer.body.text();
      const reason = reasonOf(text, answer);
      const limits =
        /client version \S+ is too (?:new|old)\. (?:Max|Min)imum supported API version is ([\d.]+)/.exec(
          reason,
        );
      if (limits && attempt === 0 && !this.pinned && !options.version && !isStream(options.body)) {
        this.version = limits[1]!.replace(/\.$/, '');
        continue;
      }
      throw new ApiError(answer.status, reason);
    }
  }

  /**
   * Calls an operation of the API document, `call<'ImageLoad'>('POST', '/images/load', ...)`, and gives its answer with
   * the body still to be read. Throws ApiError for 4xx and 5xx. */
  async call<Id extends OperationId = never>(
    method: Routes[Id]['method'],
    path: Routes[Id]['path'],
    options: CallOptions<Id> = {},
  ): Promise<Answer> {
    return this.checked(method, path, options, false);
  }

  /** Calls an operation of the API document and reads its JSON answer: `json<'ContainerList'>('GET', ...)`. */
  async json<Id extends OperationId = never>(
    method: Routes[Id]['method'],
    path: Routes[Id]['path'],
    options: CallOptions<Id> = {},
  ): Promise<ResponseOf<Id>> {
    const text = await this.text<Id>(method, path, options);
    return (text === '' ? undefined : JSON.parse(text)) as ResponseOf<Id>;
  }

  /** Makes a request and reads its answer as text. */
  async text<Id extends OperationId = never>(
    method: Routes[Id]['method'],
    path: Routes[Id]['path'],
    options: CallOptions<Id> = {},
  ): Promise<string> {
    return (await this.call<Id>(method, path, options)).body.text();
  }

  /** Makes a request whose answer does not matter. */
  async done<Id extends OperationId = never>(
    method: Routes[Id]['method'],
    path: Routes[Id]['path'],
    options: CallOptions<Id> = {},
  ): Promise<void> {
    await this.text<Id>(method, path, options);
  }

  /** A request that turns the connection into a stream in both directions, which carries `protocol` (`h2c` for gRPC). */
  async hijack<Id extends OperationId = never>(
    path: Routes[Id]['path'],
    options: CallOptions<Id> = {},
    protocol = 'tcp',
  ): Promise<{ socket: Duplex; multiplexed: boolean }> {
    const answer = await this.checked(
      'POST',
      path,
      { ...options, headers: { ...options.headers, Connection: 'Upgrade', Upgrade: protocol } },
      true,
    );
    if (!answer.socket) {
      const text = await answer.body.text();
      throw new CliError(
        `unable to upgrade to ${protocol}, received ${answer.status}${text ? `: ${text}` : ''}`,
      );
    }
    return {
      socket: answer.socket,
      multiplexed: !(answer.headers['content-type'] ?? '').includes('raw-stream'),
    };
  }

  /**
   * Makes a request for another program, which sees whatever is answered: errors are none here. With `hijack` a connection
   * that became a stream is handed over.
   */
  async relay(
    method: string,
    path: string,
    { hijack, signal, ...options }: AnyCall & { hijack?: boolean } = {},
  ): Promise<Answer> {
    await this.negotiate();
    return this.send(this.request(method, path, this.version, options), { hijack, signal });
  }

  /** Closes what is open and unused. */
  close(): void {
    for (const connection of this.idle) connection.destroy();
    this.idle.length = 0;
  }
}

function isStream(body: unknown): body is AsyncIterable<Uint8Array> {
  return typeof body === 'object' && body !== null && Symbol.asyncIterator in body;
}

function reasonOf(text: string, answer: Answer): string {
  if (text.trim() === '')
    return `request returned ${answer.reason || answer.status} without a message; check that the server supports this request`;
  try {
    const parsed = JSON.parse(text) as { message?: string };
    if (typeof parsed.message === 'string') return parsed.message.trim();
  } catch {
    // not JSON: an old daemon, or a proxy in between
  }
  return text.trim();
}

export type { Answer, Body };
