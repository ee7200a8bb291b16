import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { createGzip } from 'node:zlib';
import { invalidParameter, systemError } from '../../../base/errors.ts';
import type { Fetch, Sending } from '../../../base/fetch.ts';
import { parseJson } from '../../../base/go-json.ts';
import type { CacheStore } from './types.ts';

/*
 * Cached steps in the cache of GitHub Actions: entries by keys, none of which is ever changed. Both of its services are spoken:
 * the present one (`url_v2`), and the one before, which servers of one's own may still have (`url`).
 */

/** Entries of other programs, and of other forms of ours, have other versions. */
const VERSION = createHash('sha256').update('berth-build-cache-1').digest('hex');
/** Bytes of one part of an upload. */
const PART = 8 << 20;
/** An answer is at most this long, in bytes. */
const LONGEST_ANSWER = 64 << 20;

/** Entries of the cache, whichever service has them. */
interface Entries {
  /** The address of the entry of that key, or else of the newest whose key begins with `prefix`. */
  find(key: string, prefix?: string): Promise<string | undefined>;
  /** Makes an entry; one that is there stays. */
  make(key: string, body: Readable | Buffer): Promise<void>;
}

type Json = Record<string, unknown>;

/** Opens the cache by the settings that its runner gives a client. @throws invalid-parameter where one lacks. */
export function actionsStore(attributes: Record<string, string>, fetch: Fetch): CacheStore {
  const { token = '', scope = 'buildkit' } = attributes;
  const address = attributes['url_v2'] || attributes['url'] || '';
  if (address === '') throw invalidParameter('url not set for actions cache: give url, or url_v2');
  if (token === '') throw invalidParameter('token not set for actions cache');
  const entries = attributes['url_v2']
    ? presentService(address, token, fetch)
    : formerService(address, token, fetch);
  const blobKey = (digest: string) => `berth-blob-${digest.replace(':', '-')}`;
  const prefix = `berth-index-${createHash('sha256').update(scope).digest('hex').slice(0, 16)}-`;
  const open = async (url: string): Promise<Readable> => {
    const answer = await fetch(url, new AbortController().signal);
    if (answer.status !== 200) throw await refusal('the entry', answer);
    return answer.body;
  };
  return {
    async describe() {
      const url = await entries.find(prefix, prefix);
      if (url === undefined) return undefined;
      const { config, layers } = parseJson((await whole(await open(url))).toString()) as {
        config: string;
        layers: [];
      };
      return { config, layers, mediaType: 'application/vnd.buildkit.cacheconfig.v0' };
    },
    async read({ digest }) {
      const url = await entries.find(blobKey(digest));
      if (url === undefined) throw systemError(`the actions cache has ${digest} no more`);
      return open(url);
    },
    has: async (digest) => (await entries.find(blobKey(digest))) !== undefined,
    async write({ digest }, body) {
      const zipped = createGzip();
      body.on('error', (error) => zipped.destroy(error));
      await entries.make(blobKey(digest), body.pipe(zipped));
    },
    async publish(config, layers) {
      const text = JSON.stringify({ config: config.toString(), layers });
      // The newest is the one that counts.
      await entries.make(`${prefix}${Date.now()}`, Buffer.from(text));
      return {};
    },
  };
}

async function whole(body: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > LONGEST_ANSWER)
      throw systemError(`the actions cache's answer is longer than ${LONGEST_ANSWER} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

async function refusal(what: string, answer: Awaited<ReturnType<Fetch>>): Promise<Error> {
  const text = (await whole(answer.body).catch(() => Buffer.alloc(0))).toString().slice(0, 300);
  return systemError(`the actions cache refused ${what}: ${answer.status} ${answer.reason} ${text}`.trim());
}

/** The bytes in parts of a size, however they come. */
async function* partsOf(body: Readable | Buffer): AsyncGenerator<Buffer> {
  if (Buffer.isBuffer(body)) {
    yield body;
    return;
  }
  let chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size < PART) continue;
    yield Buffer.concat(chunks);
    chunks = [];
    size = 0;
  }
  if (size > 0) yield Buffer.concat(chunks);
}

/** Asks a service; an answer of JSON, undefined for one without. @throws system for a refusal that `allowed` does not name */
function asker(token: string, fetch: Fetch, accept: string) {
  return async (
    url: string,
    sending: Omit<Sending, 'body'> & { body?: unknown },
    allowed: readonly number[] = [],
  ): Promise<Json | undefined> => {
    const { body, headers, ...rest } = sending;
    const raw = Buffer.isBuffer(body);
    const answer = await fetch(url, new AbortController().signal, {
      ...rest,
      headers: {
        authorization: `Bearer ${token}`,
        accept,
        ...(body !== undefined && { 'content-type': raw ? 'application/octet-stream' : 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: raw ? body : JSON.stringify(body) }),
    });
    if (allowed.includes(answer.status)) {
      await whole(answer.body);
      return undefined;
    }
    if (answer.status < 200 || answer.status >= 300) throw await refusal(new URL(url).pathname, answer);
    const text = (await whole(answer.body)).toString();
    return text === '' ? undefined : (parseJson(text) as Json);
  };
}

const textOf = (json: Json | undefined, ...names: string[]): string => {
  for (const name of names) if (typeof json?.[name] === 'string') return json[name];
  return '';
};

const NOT_FOUND = 404;
const CONFLICT = 409;
const NO_CONTENT = 204;

/** The service of 2025 (`actions/toolkit`'s results service): it names addresses of a blob store to load from and to. */
function presentService(address: string, token: string, fetch: Fetch): Entries {
  const ask = asker(token, fetch, 'application/json');
  const call = (method: string, body: Json, allowed?: readonly number[]) =>
    ask(
      new URL(`twirp/github.actions.results.api.v1.CacheService/${method}`, address).href,
      { method: 'POST', body },
      allowed,
    );
  const put = async (url: string, body: Buffer, headers: Record<string, string>) => {
    const answer = await fetch(url, new AbortController().signal, { method: 'PUT', headers, body });
    if (answer.status >= 300) throw await refusal('a part of an entry', answer);
    await whole(answer.body);
  };
  return {
    async find(key, prefix) {
      const found = await call(
        'GetCacheEntryDownloadURL',
        { key, version: VERSION, restore_keys: [prefix ?? key] },
        [NOT_FOUND],
      );
      const matched = textOf(found, 'matched_key', 'matchedKey') || key;
      if (found?.['ok'] === false || (prefix === undefined && matched !== key)) return undefined;
      return textOf(found, 'signed_download_url', 'signedDownloadUrl') || undefined;
    },
    async make(key, body) {
      const made = await call('CreateCacheEntry', { key, version: VERSION }, [CONFLICT]);
      const url = textOf(made, 'signed_upload_url', 'signedUploadUrl');
      if (url === '') return;
      const blocks: string[] = [];
      let size = 0;
      for await (const part of partsOf(body)) {
        const id = Buffer.from(String(blocks.length).padStart(8, '0')).toString('base64');
        blocks.push(id);
        size += part.length;
        await put(
          `${url}${url.includes('?') ? '&' : '?'}comp=block&blockid=${encodeURIComponent(id)}`,
          part,
          {},
        );
      }
      const list = `<?xml version="1.0" encoding="utf-8"?><BlockList>${blocks.map((id) => `<Latest>${id}</Latest>`).join('')}</BlockList>`;
      await put(`${url}${url.includes('?') ? '&' : '?'}comp=blocklist`, Buffer.from(list), {
        'content-type': 'text/xml',
      });
      await call('FinalizeCacheEntryUpload', { key, version: VERSION, size_bytes: String(size) });
    },
  };
}

/** The service before: entries are loaded through itself. */
function formerService(address: string, token: string, fetch: Fetch): Entries {
  const ask = asker(token, fetch, 'application/json;api-version=6.0-preview.1');
  const at = (path: string) => new URL(`_apis/artifactcache/${path}`, address).href;
  return {
    async find(key, prefix) {
      const keys = encodeURIComponent(prefix === undefined || prefix === key ? key : `${key},${prefix}`);
      const found = await ask(at(`cache?keys=${keys}&version=${VERSION}`), {}, [NO_CONTENT, NOT_FOUND]);
      if (prefix === undefined && textOf(found, 'cacheKey') !== key) return undefined;
      return textOf(found, 'archiveLocation') || undefined;
    },
    async make(key, body) {
      const made = await ask(at('caches'), { method: 'POST', body: { key, version: VERSION } }, [CONFLICT]);
      const id = made?.['cacheId'];
      if (id === undefined) return;
      let size = 0;
      for await (const part of partsOf(body)) {
        await ask(at(`caches/${id}`), {
          method: 'PATCH',
          body: part,
          headers: { 'content-range': `bytes ${size}-${size + part.length - 1}/*` },
        });
        size += part.length;
      }
      await ask(at(`caches/${id}`), { method: 'POST', body: { size } });
    },
  };
}
