import type { Readable } from 'node:stream';
import { EnvHttpProxyAgent, request } from 'undici';
import { invalidParameter, notFound, systemError } from '../../base/errors.ts';
import type { Settings } from '../../config/settings.ts';
import { networkError } from '../registry/errors.ts';

const HEADERS_TIMEOUT = 60_000; // ms

/**
 * Fetches a file from an http(s) URL for an import, through the daemon's proxies.
 * @throws invalid-parameter, not-found or system with dockerd's texts when the server refuses.
 */
export async function fetchUrl(
  settings: Pick<Settings, 'httpProxy' | 'httpsProxy' | 'noProxy'>,
  url: URL,
  signal: AbortSignal,
): Promise<{ body: Readable; length: number }> {
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw invalidParameter(
      `Get ${JSON.stringify(url.href)}: unsupported protocol scheme ${JSON.stringify(url.protocol.slice(0, -1))}`,
    );
  const agent = new EnvHttpProxyAgent({
    ...(settings.httpProxy && { httpProxy: settings.httpProxy }),
    ...(settings.httpsProxy && { httpsProxy: settings.httpsProxy }),
    ...(settings.noProxy && { noProxy: settings.noProxy }),
    headersTimeout: HEADERS_TIMEOUT,
  });
  const close = () => void agent.close().catch(() => undefined);
  let answer: Awaited<ReturnType<typeof request>>;
  try {
    answer = await follow(url, agent, signal);
  } catch (error) {
    close();
    signal.throwIfAborted();
    if (!(error as { cause?: unknown }).cause && !(error as { code?: string }).code) throw error;
    throw networkError('GET', url, error);
  }
  if (answer.statusCode >= 400) {
    const text = (await answer.body.text().catch(() => '')).slice(0, 4096).trimEnd();
    close();
    const message = `failed to GET ${url.href} with status ${answer.statusCode}: ${text}`;
    throw answer.statusCode === 404 ? notFound(message) : systemError(message);
  }
  const length = Number(answer.headers['content-length'] ?? -1);
  answer.body.once('close', close);
  return { body: answer.body, length: Number.isSafeInteger(length) ? length : -1 };
}

const MAX_REDIRECTS = 10;

async function follow(url: URL, dispatcher: EnvHttpProxyAgent, signal: AbortSignal) {
  let target = url;
  for (let hops = 0; ; hops += 1) {
    const answer = await request(target, { dispatcher, signal });
    const location = answer.headers['location'];
    if (answer.statusCode < 300 || answer.statusCode >= 400 || typeof location !== 'string') return answer;
    await answer.body.dump();
    if (hops >= MAX_REDIRECTS)
      throw systemError(`Get ${JSON.stringify(url.href)}: stopped after 10 redirects`);
    target = new URL(location, target);
    if (target.protocol !== 'http:' && target.protocol !== 'https:')
      throw systemError(`Get ${JSON.stringify(url.href)}: unsupported protocol scheme`);
  }
}
