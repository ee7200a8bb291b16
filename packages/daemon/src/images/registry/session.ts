import { NetworkError } from '../../base/network-errors.ts';
import type { RegistryAuth } from '../api.ts';
import { Authorizer, belongsTo, parseChallenges } from './auth.ts';
import { answerError, isTransient } from './errors.ts';
import type { Endpoint, Hosts } from './hosts.ts';
import { type Limits, MAX_ERROR_BYTES } from './limits.ts';
import { type Answer, type Ask, discard, readDocument, type Transport } from './transport.ts';

/** The means by which registries are reached. */
export interface RegistryClient {
  transport: Transport;
  hosts: Hosts;
  limits: Limits;
}

/** One client's dealings with one address of a registry. */
export class Session {
  readonly endpoint: Endpoint;
  readonly domain: string;
  readonly limits: Limits;
  readonly authorizer: Authorizer;
  private readonly transport: Transport;

  constructor(client: RegistryClient, domain: string, endpoint: Endpoint, auth: RegistryAuth | undefined) {
    this.transport = client.transport;
    this.limits = client.limits;
    this.domain = domain;
    this.endpoint = endpoint;
    const own = !endpoint.mirror && auth && belongsTo(auth.serveraddress, domain) ? auth : undefined;
    this.authorizer = new Authorizer(
      client.transport,
      client.limits,
      own,
      endpoint.base.startsWith('https:'),
    );
  }

  url(path: string): URL {
    return new URL(`${this.endpoint.base}${path}`);
  }

  /**
   * Asks the registry for its version, which tells whether it is there and how it wants to be authenticated to.
   * @throws NetworkError, or a RegistryError when it is no registry.
   */
  async ping(signal: AbortSignal): Promise<void> {
    const answer = await this.transport.send(this.url('/v2/'), { method: 'GET', signal });
    discard(answer.body);
    if (answer.status === 401 && this.challenged(answer)) return;
    // Registries exist that answer 404 here and serve everything else.
    if (answer.status >= 500) throw answerError(answer.status, '');
  }

  /**
   * Sends a request with authorisation; a challenge is met once.
   * @throws RegistryError for statuses other than 2xx, unless `accept` names them; NetworkError.
   */
  async send(
    target: string | URL,
    ask: Ask & { scopes: readonly string[]; accept?: readonly number[]; shownAs?: string },
  ): Promise<Answer> {
    const url = typeof target === 'string' ? this.url(target) : target;
    for (let attempt = 0; ; attempt += 1) {
      const answer = await this.authorized(url, ask, attempt);
      if (answer === undefined) continue;
      if (answer.status < 300 || ask.accept?.includes(answer.status)) return answer;
      const repeatable = ask.body === undefined || Buffer.isBuffer(ask.body) || typeof ask.body === 'string';
      if (answer.status === 401 && attempt === 0 && repeatable && this.challenged(answer)) {
        discard(answer.body);
        this.authorizer.forget(ask.scopes);
        continue;
      }
      throw await this.error(answer, ask.method);
    }
  }

  /**
   * Takes in a challenge of the registry itself: what a request was redirected to, or uploads to, must not name the server
   * that the registry's credentials go to (CVE-2020-15157).
   */
  private challenged(answer: Answer): boolean {
    return this.isOwn(answer.url) && this.authorizer.challenged(answer);
  }

  private isOwn({ origin }: URL): boolean {
    return origin === new URL(this.endpoint.base).origin;
  }

  /** Undefined when an idle connection had died under the request and it can be sent again. */
  private async authorized(
    url: URL,
    ask: Ask & { scopes: readonly string[]; shownAs?: string },
    attempt: number,
  ): Promise<Answer | undefined> {
    const authorization = this.isOwn(url)
      ? await this.authorizer.header({
          method: ask.shownAs ?? ask.method,
          url,
          scopes: ask.scopes,
          signal: ask.signal,
        })
      : undefined;
    const headers = { ...ask.headers, ...(authorization === undefined ? {} : { authorization }) };
    try {
      return await this.transport.send(url, { ...ask, headers });
    } catch (error) {
      const again =
        attempt === 0 &&
        (ask.method === 'GET' || ask.method === 'HEAD') &&
        error instanceof NetworkError &&
        (error.reason === 'UND_ERR_SOCKET' || error.reason === 'ECONNRESET' || error.reason === 'EPIPE');
      if (!again) throw error;
      return undefined;
    }
  }

  private async error(answer: Answer, method: string): Promise<Error> {
    const [bearer] = bearerParameters(answer);
    const body =
      method === 'HEAD'
        ? Buffer.alloc(0)
        : await readDocument(answer, MAX_ERROR_BYTES, 'the error', this.limits.document).catch(() =>
            Buffer.alloc(0),
          );
    return answerError(answer.status, body.toString(), bearer);
  }
}

function bearerParameters(answer: Answer): Array<Record<string, string>> {
  return parseChallenges(answer.headers['www-authenticate'])
    .filter(({ scheme }) => scheme === 'bearer')
    .map(({ parameters }) => parameters);
}

/**
 * Goes through a registry's addresses until one answers and `use` succeeds there. A mirror may fail in any way; of the
 * registry itself only another scheme (http after https) is tried, when it was not there at all.
 * @throws the last failure.
 */
export async function withRegistry<T>(
  client: RegistryClient,
  domain: string,
  options: { purpose: 'pull' | 'push'; auth: RegistryAuth | undefined; signal: AbortSignal },
  use: (session: Session) => Promise<T>,
): Promise<T> {
  let failure: unknown;
  for (const endpoint of await client.hosts.endpoints(domain, options.purpose)) {
    const session = new Session(client, domain, endpoint, options.auth);
    try {
      await session.ping(options.signal);
    } catch (error) {
      options.signal.throwIfAborted();
      if (!endpoint.mirror && !isTransient(error)) throw error;
      failure = error;
      continue;
    }
    try {
      return await use(session);
    } catch (error) {
      options.signal.throwIfAborted();
      if (!endpoint.mirror) throw error;
      failure = error;
    }
  }
  throw failure;
}
