import { setTimeout as sleep } from 'node:timers/promises';
import { parseJson } from '../../base/go-json.ts';
import { log } from '../../base/log.ts';
import type { RegistryAuth } from '../api.ts';
import { AuthorizationError, answerError, RegistryError } from './errors.ts';
import { type Limits, MAX_ERROR_BYTES, MAX_TOKEN_BYTES } from './limits.ts';
import { type Answer, readDocument, type Transport } from './transport.ts';

/** A challenge of a registry (`WWW-Authenticate`). */
export interface Challenge {
  scheme: string;
  parameters: Record<string, string>;
}

const CLIENT_ID = 'berth';
/** How often a busy token server is asked. */
const ATTEMPTS = 5;
/** A token is renewed this long before it expires (ms). */
const MARGIN = 10_000;
/** The least and usual life of a token without `expires_in` (s; distribution's token specification). */
const TOKEN_LIFE = 60;

/** Reads challenges as RFC 9110 writes them; several may stand in one header. */
export function parseChallenges(header: string | string[] | undefined): Challenge[] {
  const challenges: Challenge[] = [];
  for (const line of [header ?? []].flat()) {
    const token = /[\s,]*([!#$%&'*+.^_`|~\w-]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]+)))?/gy;
    for (let match = token.exec(line); match; match = token.exec(line)) {
      const [, name, quoted, plain] = match as unknown as [string, string, string?, string?];
      const value = quoted === undefined ? plain : quoted.replace(/\\(.)/g, '$1');
      const current = challenges.at(-1);
      if (value === undefined) challenges.push({ scheme: name.toLowerCase(), parameters: {} });
      else if (current) current.parameters[name.toLowerCase()] = value;
    }
  }
  return challenges;
}

/** Whether credentials that were kept for `address` may be shown to a registry's domain. */
export function belongsTo(address: string | undefined, domain: string): boolean {
  if (!address) return true;
  const url = URL.parse(address.includes('://') ? address : `https://${address}`);
  if (!url) return false;
  const host = hostOf(url.host);
  if (host === hostOf(domain)) return true;
  // An address without a port is meant for the host.
  return url.port === '' && url.hostname === URL.parse(`https://${domain}`)?.hostname;
}

function hostOf(host: string): string {
  return ['index.docker.io', 'registry-1.docker.io', 'registry.hub.docker.com'].includes(host)
    ? 'docker.io'
    : host;
}

/** The credentials of one client for one registry, and the tokens got with them. */
export class Authorizer {
  private readonly transport: Transport;
  private readonly limits: Limits;
  private readonly auth: RegistryAuth | undefined;
  /** The registry was reached over TLS: its credentials do not go on without it. */
  private readonly secure: boolean;
  private challenges: Challenge[] = [];
  private readonly tokens = new Map<string, { token: Promise<string>; expires: number }>();

  constructor(transport: Transport, limits: Limits, auth: RegistryAuth | undefined, secure: boolean) {
    this.secure = secure;
    this.transport = transport;
    this.limits = limits;
    this.auth = auth;
  }

  /** Takes in what an answer of status 401 asks for; false when it asks for nothing that we know. */
  challenged(answer: Answer): boolean {
    const challenges = parseChallenges(answer.headers['www-authenticate']);
    if (challenges.length === 0) return false;
    this.challenges = challenges;
    return true;
  }

  /** Whether the registry wants tokens of a token server. */
  get usesTokens(): boolean {
    return this.challenges.some(({ scheme }) => scheme === 'bearer');
  }

  /** Forgets a token that was refused. */
  forget(scopes: readonly string[]): void {
    this.tokens.delete(scopes.join(' '));
  }

  /**
   * The Authorization header for a request.
   * @throws unauthorized (`no basic auth credentials`), or what the token server said, as an error of that request.
   */
  async header(request: {
    method: string;
    url: URL;
    scopes: readonly string[];
    signal: AbortSignal;
  }): Promise<string | undefined> {
    if (this.auth?.registrytoken) return `Bearer ${this.auth.registrytoken}`;
    const bearer = this.challenges.find(({ scheme }) => scheme === 'bearer');
    try {
      if (bearer) return `Bearer ${await this.token(bearer.parameters, request.scopes, request.signal)}`;
    } catch (error) {
      throw error instanceof RegistryError
        ? new AuthorizationError(request.method, request.url, error)
        : error;
    }
    if (!this.challenges.some(({ scheme }) => scheme === 'basic')) return undefined;
    const basic = this.basic();
    if (basic) return basic;
    throw new AuthorizationError(
      request.method,
      request.url,
      new RegistryError('system', 'no basic auth credentials', { status: 401 }),
    );
  }

  private basic(): string | undefined {
    const { username, password } = this.auth ?? {};
    if (!username && !password) return undefined;
    return `Basic ${Buffer.from(`${username ?? ''}:${password ?? ''}`).toString('base64')}`;
  }

  private token(
    parameters: Record<string, string>,
    scopes: readonly string[],
    signal: AbortSignal,
  ): Promise<string> {
    const key = scopes.join(' ');
    const known = this.tokens.get(key);
    if (known && known.expires > Date.now() + MARGIN) return known.token;
    const entry = { token: Promise.resolve(''), expires: Number.POSITIVE_INFINITY };
    entry.token = this.fetchToken(parameters, scopes, signal, false).then(({ token, life }) => {
      entry.expires = Date.now() + Math.max(TOKEN_LIFE, life) * 1000;
      return token;
    });
    entry.token.catch(() => this.tokens.delete(key));
    this.tokens.set(key, entry);
    return entry.token;
  }

  /** Asks for a token that can be kept in place of the password (`docker login`); '' when there is none. */
  async identityToken(signal: AbortSignal): Promise<string> {
    const bearer = this.challenges.find(({ scheme }) => scheme === 'bearer');
    if (!bearer) return '';
    return (await this.fetchToken(bearer.parameters, [], signal, true)).refresh;
  }

  private async fetchToken(
    parameters: Record<string, string>,
    scopes: readonly string[],
    signal: AbortSignal,
    offline: boolean,
  ): Promise<{ token: string; life: number; refresh: string }> {
    const realm = URL.parse(parameters['realm'] ?? '');
    if (!realm || (realm.protocol !== 'https:' && realm.protocol !== 'http:'))
      throw new RegistryError(
        'system',
        `invalid authentication realm ${JSON.stringify(parameters['realm'] ?? '')}`,
        {
          status: 401,
        },
      );
    if (this.secure && realm.protocol === 'http:' && (this.basic() || this.auth?.identitytoken))
      throw new RegistryError('system', `refusing to send credentials to ${realm.origin} without TLS`, {
        status: 401,
      });
    const service = parameters['service'] ?? '';
    // A registry knows best which scope the request lacked.
    const wanted = [...new Set([...scopes, ...(parameters['scope'] ? [parameters['scope']] : [])])];
    for (let attempt = 1; ; attempt += 1) {
      const answer = this.auth?.identitytoken
        ? await this.refresh(realm, service, wanted, signal)
        : await this.ask(realm, service, wanted, signal, offline);
      const ok = answer.status >= 200 && answer.status < 300;
      const body = await readDocument(
        answer,
        ok ? MAX_TOKEN_BYTES : MAX_ERROR_BYTES,
        'the token',
        this.limits.document,
      );
      if (ok) return readToken(body);
      if (answer.status < 500 || attempt >= ATTEMPTS) throw answerError(answer.status, body.toString());
      // Nothing of what it is for has begun: it is only later for a server that is busy.
      await sleep((this.limits.backOff / 5) * attempt, undefined, { signal });
    }
  }

  private ask(
    realm: URL,
    service: string,
    scopes: string[],
    signal: AbortSignal,
    offline: boolean,
  ): Promise<Answer> {
    const url = new URL(realm);
    if (this.auth?.username) url.searchParams.set('account', this.auth.username);
    if (offline) {
      url.searchParams.set('offline_token', 'true');
      url.searchParams.set('client_id', CLIENT_ID);
    }
    for (const scope of scopes) url.searchParams.append('scope', scope);
    if (service) url.searchParams.set('service', service);
    const basic = this.basic();
    return this.transport.send(url, {
      method: 'GET',
      headers: basic ? { authorization: basic } : {},
      signal,
    });
  }

  private refresh(realm: URL, service: string, scopes: string[], signal: AbortSignal): Promise<Answer> {
    const form = new URLSearchParams({
      grant_type: 'refresh_token',
      refresh_token: this.auth!.identitytoken!,
      service,
      scope: scopes.join(' '),
      client_id: CLIENT_ID,
    });
    return this.transport.send(realm, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: form.toString(),
      signal,
    });
  }
}

function readToken(body: Buffer): { token: string; life: number; refresh: string } {
  let value: Record<string, unknown> = {};
  try {
    value = parseJson(body.toString()) as Record<string, unknown>;
  } catch (error) {
    log.debug({ err: error }, 'a token server sent no JSON');
  }
  const token = value['token'] || value['access_token'];
  if (typeof token !== 'string' || /[^\x21-\x7e]/.test(token))
    throw new RegistryError('system', 'authorization server did not include a token in the response', {
      status: 200,
    });
  const life = value['expires_in'];
  const refresh = value['refresh_token'];
  return {
    token,
    life: typeof life === 'number' && life > 0 ? life : TOKEN_LIFE,
    refresh: typeof refresh === 'string' ? refresh : '',
  };
}
