import { EnvHttpProxyAgent, request } from 'undici';
import { invalidParameter, systemError } from './errors.ts';
import type { Fetched, Proxies, Sending } from './fetched.ts';
import { networkError } from './network-errors.ts';

const MAX_REDIRECTS = 10;
const HEADERS_TIMEOUT = 60_000; // ms

/** The work of `Fetch`, with the HTTP client that is loaded for it. */
export async function httpGet(
  { httpProxy, httpsProxy, noProxy }: Proxies,
  address: string | URL,
  signal: AbortSignal,
  { method = 'GET', headers: sent = {}, body: sending }: Sending = {},
): Promise<Fetched> {
  const dispatcher = new EnvHttpProxyAgent({
    ...(httpProxy && { httpProxy }),
    ...(httpsProxy && { httpsProxy }),
    ...(noProxy && { noProxy }),
    headersTimeout: HEADERS_TIMEOUT,
    // Plain HTTP is requested of the proxy itself: many let no tunnel through to port 80.
    proxyTunnel: false,
  });
  const close = () => void dispatcher.close().catch(() => undefined);
  const first = new URL(address);
  let url = first;
  try {
    for (let hops = 0; ; hops++) {
      if (!/^https?:$/.test(url.protocol))
        throw (hops === 0 ? invalidParameter : systemError)(
          `Get ${JSON.stringify(url.href)}: unsupported protocol scheme ${JSON.stringify(url.protocol.slice(0, -1))}`,
        );
      const { statusCode, statusText, headers, body } = await request(url, {
        dispatcher,
        signal,
        method: method as 'GET',
        headers: sent,
        ...(sending !== undefined && { body: sending }),
      });
      const { location } = headers;
      if (method !== 'GET' || statusCode < 300 || statusCode >= 400 || typeof location !== 'string') {
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
    throw networkError(method, url, error);
  }
}
