import { STATUS_CODES } from 'node:http';
import type { Readable } from 'node:stream';
import { notFound, systemError } from '../../base/errors.ts';
import { fetchThrough, type Proxies } from '../../base/fetch.ts';

/**
 * Fetches a file from an http(s) URL for an import, through the daemon's proxies.
 * @throws not-found or system with dockerd's texts when the server refuses.
 */
export async function fetchUrl(
  proxies: Proxies,
  url: URL,
  signal: AbortSignal,
): Promise<{ body: Readable; length: number }> {
  const { status, reason, headers, body } = await fetchThrough(proxies)(url, signal);
  if (status >= 400) {
    let text = '';
    for await (const chunk of body as AsyncIterable<Buffer>) {
      text += chunk.toString();
      if (text.length > 4096) break;
    }
    const message = `failed to GET ${url.href} with status ${status} ${reason || (STATUS_CODES[status] ?? '')}: ${text.slice(0, 4096).trimEnd()}`;
    throw status === 404 ? notFound(message) : systemError(message);
  }
  const length = Number(headers['content-length'] ?? -1);
  return { body, length: Number.isSafeInteger(length) ? length : -1 };
}
