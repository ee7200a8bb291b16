import type { IncomingMessage, ServerResponse } from 'node:http';
import { isIP } from 'node:net';

type Route = (request: IncomingMessage, response: ServerResponse) => void;

/**
 * Lets through all but what a browser sends on behalf of somebody else's page: a port that needs no certificate is open
 * to every page that a user of this machine looks at.
 */
export function withoutForeignPages(route: Route): Route {
  return (request, response) => {
    if (!isForeign(request.headers, isLoopback(request.socket.localAddress))) return route(request, response);
    response.writeHead(403, { 'Content-Type': 'application/json', Connection: 'close' });
    response.end(`${JSON.stringify({ message: 'requests from pages of other sites are refused' })}\n`);
  };
}

/**
 * Whether a request comes from a page that this daemon did not serve. `loopback`: it was made to an address of this
 * machine only, which no name but its own stands for (a name that leads here is a page's trick).
 */
export function isForeign(headers: IncomingMessage['headers'], loopback: boolean): boolean {
  const { origin, host = '' } = headers;
  const site = headers['sec-fetch-site'];
  if (origin !== undefined && hostOf(origin) !== host.toLowerCase()) return true;
  if (site === 'cross-site' || site === 'same-site') return true;
  const browser = origin !== undefined || /^Mozilla\//.test(headers['user-agent'] ?? '');
  return loopback && browser && !isLocalName(host);
}

function hostOf(origin: string): string | undefined {
  try {
    return new URL(origin).host;
  } catch {
    return undefined; // `null`: a page that hides where it is from
  }
}

function isLocalName(host: string): boolean {
  const name = host.toLowerCase().replace(/:\d+$/, '');
  return isIP(name.replace(/^\[|\]$/g, '')) !== 0 || /^(.+\.)?localhost$/.test(name);
}

const isLoopback = (address = ''): boolean => /^(::ffff:)?127\./.test(address) || address === '::1';
