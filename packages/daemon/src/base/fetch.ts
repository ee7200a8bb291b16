import type { Readable } from 'node:stream';
import { systemError } from './errors.ts';
import { networkError } from './network-errors.ts';

const MAX_REDIRECTS = 10;
const HEADERS_TIMEOUT = 60_000; // ms

/** The daemon's proxies; an empty one means that of the daemon's environment. */
export interface Proxies {
  httpProxy: string;
  httpsProxy: string;
  noProxy: string;
}

/** What a server answered, redirects followed. */
export interface Fetched {
  status: number;
  /** What the server calls the status. */
  reason: string;
  headers: Record<string, string | string[] | undefined>;
  body: Readable;
}

/**
 * Gets what a user named (ADD, a remote context, import) by HTTP. Not the global fetch: that one refuses ports that a
 * browser should not talk to.
 * @throws system with Go's text when the server cannot be talked to.
 */
export type Fetch = (address: string | URL, signal: AbortSignal) => Promise<Fetched>;

/** A fetch through the daemon's proxies. */
export function fetchThrough({ httpProxy, httpsProxy, noProxy }: Proxies): Fetch {
  return async (address, signal) => {
    const { EnvHttpProxyAgent, request } = await import('undici');
    const dispatcher = new EnvHttpProxyAgent({
      ...(httpProxy && { httpProxy }),
      ...(httpsProxy && { httpsProxy }),
      ...(noProxy && { noProxy }),
      headersTimeout: HEADERS_TIMEOUT,
    });
    const close = () => void dispatcher.close().catch(() => undefined);
    const first = new URL(address);
    let url = first;
    try {
      for (let hops = 0; ; hops++) {
        if (!/^https?:$/.test(url.protocol))
          throw systemError(
            `Get ${JSON.stringify(url.href)}: unsupported protocol scheme ${JSON.stringify(url.protocol.slice(0, -1))}`,
          );
        const { statusCode, statusText, headers, body } = await request(url, { dispatcher, signal });
        const { location } = headers;
        if (statusCode < 300 || statusCode >= 400 || typeof location !== 'string') {
          body.once('close', close);
          return { status: statusCode, reason: statusText, headers, body };
        }
        await body.dump();
        if (hops >= MAX_REDIRECTS)
          throw systemError(`Get ${JSON.stringify(first.href)}: stopped after ${MAX_REDIRECTS} redirects`);
        url = new URL(location, url);
      }
    } catch (error) {
      close();
      signal.throwIfAborted();
      throw networkError('GET', url, error);
    }
  };
}
