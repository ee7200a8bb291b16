import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** GitHub's cache service of 2025, as far as it is used: entries by their keys, in memory. */
export function actionsCache() {
  const entries = new Map<string, Buffer>();
  const blocks = new Map<string, Map<string, Buffer>>();
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const url = new URL(request.url!, 'http://server');
    const key = decodeURIComponent(url.pathname.slice('/blob/'.length));
    const answer = (value: object) => response.end(JSON.stringify(value));
    const address = (name: string) =>
      `http://127.0.0.1:${(server.address() as AddressInfo).port}/blob/${encodeURIComponent(name)}?sig=1`;
    if (url.pathname.startsWith('/blob/')) {
      if (request.method === 'GET') return response.end(entries.get(key));
      const own = blocks.get(key) ?? new Map<string, Buffer>();
      blocks.set(key, own);
      if (url.searchParams.get('comp') === 'block') own.set(url.searchParams.get('blockid')!, body);
      else {
        const ids = [...body.toString().matchAll(/<Latest>([^<]*)</g)].map(([, id]) => id!);
        entries.set(key, Buffer.concat(ids.map((id) => own.get(id)!)));
      }
      response.statusCode = 201;
      return response.end();
    }
    if (request.headers.authorization !== 'Bearer secret') {
      response.statusCode = 401;
      return response.end('who are you?');
    }
    const asked = JSON.parse(body.toString());
    const call = url.pathname.split('/').at(-1);
    if (call === 'CreateCacheEntry') return answer({ ok: true, signed_upload_url: address(asked.key) });
    if (call === 'FinalizeCacheEntryUpload') return answer({ ok: true, entry_id: '1' });
    const found = entries.has(asked.key)
      ? asked.key
      : [...entries.keys()].filter((name) => name.startsWith(asked.restore_keys[0])).at(-1);
    return answer(
      found ? { ok: true, signed_download_url: address(found), matched_key: found } : { ok: false },
    );
  });
  return { server, entries };
}
