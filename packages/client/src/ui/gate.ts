import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

/** Tokens that may wait to be redeemed; an older one lapses. */
const MOST_TOKENS = 8;
const LOOPBACK = /^(?:127\.0\.0\.1|localhost|\[::1\])(?::\d{1,5})?$/i;

interface Session {
  cookie: string;
  /** A cookie is sent to every port of a host: whoever serves another one would have it. The key is the page's alone. */
  key: string;
}

const secret = () => randomBytes(32).toString('base64url');

function same(a: string, b: string): boolean {
  const [x, y] = [Buffer.from(a), Buffer.from(b)];
  return x.length === y.length && timingSafeEqual(x, y);
}

/** Decides who may speak to the page's server: tokens that open a session once, and what a request must carry. */
export class Gate {
  private readonly tokens: string[] = [];
  private readonly sessions: Session[] = [];
  readonly cookieName: string;

  /** `port` is the server's own: pages of several engines have a cookie each. */
  constructor(port: number) {
    this.cookieName = `berth-ui-${port}`;
  }

  /** A new token, good for one session. */
  issue(): string {
    const token = secret();
    this.tokens.push(token);
    if (this.tokens.length > MOST_TOKENS) this.tokens.shift();
    return token;
  }

  /** Opens a session; undefined for a token that is unknown or was used. */
  redeem(token: string): { setCookie: string; key: string } | undefined {
    const index = this.tokens.findIndex((known) => same(known, token));
    if (index === -1) return undefined;
    this.tokens.splice(index, 1);
    const session: Session = { cookie: secret(), key: secret() };
    this.sessions.push(session);
    return {
      setCookie: `${this.cookieName}=${session.cookie}; Path=/; HttpOnly; SameSite=Strict`,
      key: session.key,
    };
  }

  /** Whether a request carries a session's cookie. */
  hasCookie(headers: IncomingHttpHeaders): boolean {
    return this.session(headers) !== undefined;
  }

  /** Whether a request carries a session's cookie and its key. */
  admits(headers: IncomingHttpHeaders, key: string | undefined): boolean {
    const session = this.session(headers);
    return session !== undefined && key !== undefined && same(session.key, key);
  }

  private session(headers: IncomingHttpHeaders): Session | undefined {
    for (const part of (headers.cookie ?? '').split(';')) {
      const [name, value] = part.trim().split('=', 2);
      if (name !== this.cookieName || !value) continue;
      const found = this.sessions.find(({ cookie }) => same(cookie, value));
      if (found) return found;
    }
    return undefined;
  }
}

/**
 * Why a request may not be answered, whoever sent it: its Host names another machine (a name that was made to lead here), or
 * a page of another origin sent it. `writing`: the request changes something or opens a WebSocket, where browsers always
 * say the origin.
 */
export function refusal(headers: IncomingHttpHeaders, writing: boolean): string | undefined {
  const host = headers.host ?? '';
  if (!LOOPBACK.test(host)) return 'the Host is not this machine: open the address that `berth ui` printed';
  const { origin } = headers;
  if (origin === undefined ? writing : origin !== `http://${host}`)
    return 'the request comes from a page of another origin';
  const site = headers['sec-fetch-site'];
  // A link elsewhere may lead here: that is a navigation, which sends no key and shows nothing without one.
  const navigation = headers['sec-fetch-mode'] === 'navigate' && !writing;
  if (site !== undefined && site !== 'same-origin' && site !== 'none' && !navigation)
    return 'the request comes from a page of another site';
  return undefined;
}
