import type { Readable } from 'node:stream';
import { EnvHttpProxyAgent, request } from 'undici';
import { systemError } from '../base/errors.ts';
import { networkError } from '../images/index.ts';

const maxRedirects = 10;

/** What a server answered, redirects followed. */
export interface Fetched {
  status: number;
  /** What the server calls the status. */
  reason: string;
  headers: Record<string, string | string[] | undefined>;
  body: Readable;
}

/**
 * Fetches by HTTP what a Dockerfile names, through the daemon's proxies. Not the global fetch: that one refuses ports that
 * a browser should not talk to.
 * @throws system with Go's text when the server cannot be talked to.
 */
export async function httpGet(address: string, signal: AbortSignal): Promise<Fetched> {
  const dispatcher = new EnvHttpProxyAgent();
  let url = new URL(address);
  try {
    for (let hops = 0; ; hops++) {
      const answer = await request(url, { dispatcher, signal });
      const { location } = answer.headers;
      if (answer.statusCode < 300 || answer.statusCode >= 400 || typeof location !== 'string') {
        answer.body.once('close', () => void dispatcher.close().catch(() => undefined));
        return {
          status: answer.statusCode,
          reason: answer.statusText,
          headers: answer.headers,
          body: answer.body,
        };
      }
      await answer.body.dump();
      if (hops >= maxRedirects)
        throw systemError(`Get ${JSON.stringify(address)}: stopped after ${maxRedirects} redirects`);
      url = new URL(location, url);
      if (!/^https?:$/.test(url.protocol))
        throw systemError(`Get ${JSON.stringify(url.href)}: unsupported protocol scheme`);
    }
  } catch (error) {
    void dispatcher.close().catch(() => undefined);
    signal.throwIfAborted();
    throw networkError('GET', url, error);
  }
}
