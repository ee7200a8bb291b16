import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { getCACertificates } from 'node:tls';
import { Agent, type Dispatcher, ProxyAgent, request } from 'undici';
import { systemError } from '../../base/errors.ts';
import { networkError } from '../../base/network-errors.ts';
import type { Limits } from './limits.ts';
import { type ProxySettings, proxyFor } from './proxy.ts';

/** How far a server's certificate is trusted, and what we show it. */
export interface Trust {
  /** Certificates are not verified: an insecure registry. */
  insecure: boolean;
  /** PEM of further authorities. */
  ca: Buffer[];
  /** Our own certificate and key, PEM. */
  client?: { cert: Buffer; key: Buffer };
}

export interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: Readable;
  /** The URL that the answer came from, after redirects. */
  url: URL;
}

export interface Ask {
  method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  headers?: Record<string, string>;
  body?: Buffer | string | Readable;
  signal: AbortSignal;
}

const MAX_REDIRECTS = 10;
const USER_AGENT = 'berth/1';

/** HTTP to registries and token servers: one pool of connections per way of trusting and per proxy. */
export class Transport {
  private readonly settings: ProxySettings;
  private readonly limits: Limits;
  private readonly trustOf: (host: string) => Promise<Trust>;
  private readonly dispatchers = new Map<string, Dispatcher>();

  constructor(settings: ProxySettings, limits: Limits, trustOf: (host: string) => Promise<Trust>) {
    this.settings = settings;
    this.limits = limits;
    this.trustOf = trustOf;
  }

  /**
   * Sends a request and follows the redirects of GET and HEAD. Credentials and client certificates stay with the host
   * they were meant for; from https nothing leads to http.
   * @throws NetworkError with Go's text; the signal's reason.
   */
  async send(url: URL, ask: Ask): Promise<Answer> {
    let target = url;
    for (let hops = 0; ; hops += 1) {
      const answer = await this.once(target, ask, target.origin === url.origin);
      const location = answer.headers['location'];
      const redirected = answer.status >= 300 && answer.status < 400 && typeof location === 'string';
      if (!redirected || (ask.method !== 'GET' && ask.method !== 'HEAD')) return answer;
      discard(answer.body);
      if (hops >= MAX_REDIRECTS) throw systemError(`${url.href}: stopped after ${MAX_REDIRECTS} redirects`);
      const next = URL.parse(location, target.href);
      if (!next || (next.protocol !== 'https:' && next.protocol !== 'http:'))
        throw systemError(
          `${url.href}: redirected to ${JSON.stringify(location)}, which is no http(s) address`,
        );
      if (target.protocol === 'https:' && next.protocol === 'http:')
        throw systemError(`${url.href}: refusing to follow a redirect from https to ${next.origin}`);
      target = next;
    }
  }

  private async once(url: URL, ask: Ask, own: boolean): Promise<Answer> {
    ask.signal.throwIfAborted();
    const { authorization, ...others } = ask.headers ?? {};
    const headers: Record<string, string> = {
      'user-agent': USER_AGENT,
      ...others,
      ...(own && authorization !== undefined ? { authorization } : {}),
    };
    try {
      const {
        statusCode,
        headers: received,
        body,
      } = await request(url, {
        method: ask.method,
        headers,
        signal: ask.signal,
        dispatcher: await this.dispatcher(url),
        headersTimeout: this.limits.headers,
        bodyTimeout: this.limits.idle,
        ...(ask.body === undefined ? {} : { body: ask.body }),
      });
      // A body that nobody reads any more must not bring the daemon down when its connection breaks.
      body.on('error', () => undefined);
      return { status: statusCode, headers: received, body, url };
    } catch (error) {
      ask.signal.throwIfAborted();
      throw networkError(ask.method, url, error);
    }
  }

  private async dispatcher(url: URL): Promise<Dispatcher> {
    const secure = url.protocol === 'https:';
    const trust = secure ? await this.trustOf(url.host) : undefined;
    const proxy = proxyFor(url, this.settings);
    const key = `${proxy ?? ''} ${trust ? fingerprint(trust) : ''}`;
    let dispatcher = this.dispatchers.get(key);
    if (!dispatcher) {
      dispatcher = this.make(proxy, trust);
      this.dispatchers.set(key, dispatcher);
    }
    return dispatcher;
  }

  private make(proxy: string | undefined, trust: Trust | undefined): Dispatcher {
    const tls = trust ? tlsOptions(trust) : {};
    if (proxy === undefined)
      return new Agent({ connect: { ...tls, timeout: this.limits.connect }, keepAliveTimeout: 10_000 });
    const { username, password } = new URL(proxy);
    const token = username
      ? `Basic ${Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString('base64')}`
      : undefined;
    return new ProxyAgent({
      uri: proxy,
      ...(token ? { token } : {}),
      requestTls: { ...tls, timeout: this.limits.connect },
      proxyTls: { timeout: this.limits.connect },
    });
  }
}

function fingerprint(trust: Trust): string {
  if (!trust.client && trust.ca.length === 0) return String(trust.insecure);
  const hash = createHash('sha256').update(String(trust.insecure));
  for (const part of [...trust.ca, ...(trust.client ? [trust.client.cert, trust.client.key] : [])])
    hash.update(part);
  return hash.digest('hex');
}

let systemRoots: string[] | undefined;

/** The machine's authorities besides those of Node, as other programs of the machine trust them. */
function roots(): string[] {
  systemRoots ??= [...new Set([...getCACertificates('system'), ...getCACertificates('default')])];
  return systemRoots;
}

function tlsOptions(trust: Trust) {
  return {
    ...(trust.client ? { cert: trust.client.cert, key: trust.client.key } : {}),
    ...(trust.insecure ? { rejectUnauthorized: false } : { ca: [...roots(), ...trust.ca.map(String)] }),
  };
}

/** Lets go of a body: a short rest is read so that the connection can serve again. */
export function discard(body: Readable): void {
  void (body as unknown as { dump(options?: { limit: number }): Promise<void> })
    .dump({ limit: 64 * 1024 })
    .catch(() => undefined);
}

/**
 * Reads a small document.
 * @throws system when it is longer than `limit` bytes or takes too long; NetworkError when it breaks off.
 */
export async function readDocument(
  answer: Answer,
  limit: number,
  what: string,
  time: number,
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  const late = setTimeout(
    () =>
      answer.body.destroy(systemError(`${what} from ${answer.url.host} took longer than ${time / 1000} s`)),
    time,
  );
  try {
    for await (const chunk of answer.body) {
      length += (chunk as Buffer).length;
      if (length > limit) throw systemError(`${what} from ${answer.url.host} is larger than ${limit} bytes`);
      chunks.push(chunk as Buffer);
    }
  } catch (error) {
    throw networkError('GET', answer.url, error);
  } finally {
    clearTimeout(late);
    answer.body.destroy();
  }
  return Buffer.concat(chunks);
}
