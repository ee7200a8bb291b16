import type { Readable } from 'node:stream';
import { systemError } from '../../base/errors.ts';
import { parseJson } from '../../base/go-json.ts';
import { digestOf } from '../config.ts';
import { RegistryError } from './errors.ts';
import { MAX_MANIFEST_BYTES } from './limits.ts';
import { ACCEPTED } from './manifests.ts';
import type { Session } from './session.ts';
import { type Answer, discard, readDocument } from './transport.ts';

/** A manifest as it lies in a registry. */
export interface Fetched {
  digest: string;
  mediaType: string;
  body: Buffer;
}

const MAX_TAG_PAGES = 1000;
/** The most tags of a repository; each page of them may have megabytes, and all are held at once. */
const MAX_TAGS = 100_000;

/** One repository of a registry, spoken to with one client's credentials. */
export class Repository {
  readonly session: Session;
  /** Without the domain: `library/debian`. */
  readonly path: string;
  private readonly scopes: string[];

  constructor(session: Session, path: string, actions: 'pull' | 'pull,push') {
    this.session = session;
    this.path = path;
    this.scopes = [`repository:${path}:${actions}`];
  }

  /**
   * A manifest by tag or digest, checked against the digest asked for or the one the registry says it has.
   * @throws RegistryError; system `manifest verification failed for digest ...`.
   */
  async manifest(tagOrDigest: string, signal: AbortSignal): Promise<Fetched> {
    const answer = await this.session.send(`/v2/${this.path}/manifests/${tagOrDigest}`, {
      method: 'GET',
      headers: { accept: ACCEPTED.join(', ') },
      // dockerd asks for a tag's digest first, and its texts say so.
      ...(tagOrDigest.includes(':') ? {} : { shownAs: 'HEAD' }),
      scopes: this.scopes,
      signal,
    });
    const body = await readDocument(answer, MAX_MANIFEST_BYTES, 'the manifest', this.session.limits.document);
    const digest = digestOf(body);
    const named = answer.headers['docker-content-digest'];
    const expected = tagOrDigest.includes(':') ? tagOrDigest : named;
    if (typeof expected === 'string' && expected.startsWith('sha256:') && expected !== digest)
      throw systemError(`manifest verification failed for digest ${expected}`);
    return { digest, mediaType: String(answer.headers['content-type'] ?? ''), body };
  }

  /** A small blob, checked. @throws system `image config verification failed...` or for a wrong length. */
  async document(digest: string, size: number, signal: AbortSignal): Promise<Buffer> {
    const answer = await this.blob(digest, 0, signal);
    const body = await readDocument(answer, size, 'the image configuration', this.session.limits.document);
    if (digestOf(body) !== digest) throw systemError(`image config verification failed for digest ${digest}`);
    return body;
  }

  /** Opens a blob from a byte on. The answer is of status 206 (from there), 200 (from the start) or 416. */
  blob(digest: string, offset: number, signal: AbortSignal): Promise<Answer> {
    return this.session.send(`/v2/${this.path}/blobs/${digest}`, {
      method: 'GET',
      headers: { 'accept-encoding': 'identity', ...(offset > 0 ? { range: `bytes=${offset}-` } : {}) },
      scopes: this.scopes,
      signal,
      accept: [416],
    });
  }

  /** The size of a blob that the repository has; undefined when it has not. */
  async has(digest: string, signal: AbortSignal): Promise<number | undefined> {
    const answer = await this.session.send(`/v2/${this.path}/blobs/${digest}`, {
      method: 'HEAD',
      scopes: this.scopes,
      signal,
      accept: [404],
    });
    discard(answer.body);
    return answer.status === 404 ? undefined : Number(answer.headers['content-length'] ?? -1);
  }

  /** All tags, in the registry's order. @throws system for more than there may be. */
  async tags(signal: AbortSignal): Promise<string[]> {
    const tags: string[] = [];
    let target: string | URL = `/v2/${this.path}/tags/list`;
    for (let page = 0; page < MAX_TAG_PAGES; page += 1) {
      const answer: Answer = await this.session.send(target, { method: 'GET', scopes: this.scopes, signal });
      const body = await readDocument(
        answer,
        MAX_MANIFEST_BYTES,
        'the list of tags',
        this.session.limits.document,
      );
      tags.push(...readTags(body));
      if (tags.length > MAX_TAGS)
        throw systemError(
          `${answer.url.host} lists more than ${MAX_TAGS} tags of ${this.path}: pull those that are needed by their names`,
        );
      const next = nextPage(String(answer.headers['link'] ?? ''));
      if (next === undefined) return tags;
      target = new URL(next, answer.url);
      // A list goes on where it began.
      if (target.origin !== answer.url.origin) return tags;
    }
    return tags;
  }

  /** Begins an upload; `undefined` when the blob was mounted from another repository instead. */
  async beginUpload(signal: AbortSignal, mount?: { digest: string; from: string }): Promise<URL | undefined> {
    const query = mount
      ? `?mount=${encodeURIComponent(mount.digest)}&from=${encodeURIComponent(mount.from)}`
      : '';
    const answer = await this.session.send(`/v2/${this.path}/blobs/uploads/${query}`, {
      method: 'POST',
      headers: { 'content-length': '0' },
      scopes: mount ? [...this.scopes, `repository:${mount.from}:pull`] : this.scopes,
      signal,
    });
    discard(answer.body);
    if (answer.status === 201) return undefined;
    return this.location(answer);
  }

  /** Sends a piece of an upload (`start`: its first byte) and returns where the next goes. */
  async upload(target: URL, body: Readable | Buffer, start: number, signal: AbortSignal): Promise<URL> {
    const answer = await this.session.send(target, {
      method: 'PATCH',
      headers: {
        'content-type': 'application/octet-stream',
        ...(Buffer.isBuffer(body) ? { 'content-range': `${start}-${start + body.length - 1}` } : {}),
      },
      body,
      scopes: this.scopes,
      signal,
    });
    discard(answer.body);
    return this.location(answer);
  }

  /** Ends an upload, with its whole content when it is small. */
  async commit(target: URL, digest: string, signal: AbortSignal, body?: Buffer): Promise<void> {
    const url = new URL(target);
    url.searchParams.set('digest', digest);
    const answer = await this.session.send(url, {
      method: 'PUT',
      headers: { 'content-type': 'application/octet-stream', ...(body ? {} : { 'content-length': '0' }) },
      ...(body ? { body } : {}),
      scopes: this.scopes,
      signal,
    });
    discard(answer.body);
  }

  /** Gives an upload up, so that the registry need not keep what it got. */
  async cancel(target: URL): Promise<void> {
    const signal = AbortSignal.timeout(5_000);
    await this.session
      .send(target, { method: 'DELETE', scopes: this.scopes, signal })
      .then((answer) => discard(answer.body))
      .catch(() => undefined);
  }

  async putManifest(
    tagOrDigest: string,
    mediaType: string,
    body: Buffer,
    signal: AbortSignal,
  ): Promise<void> {
    const answer = await this.session.send(`/v2/${this.path}/manifests/${tagOrDigest}`, {
      method: 'PUT',
      headers: { 'content-type': mediaType },
      body,
      scopes: this.scopes,
      signal,
    });
    discard(answer.body);
  }

  private location(answer: Answer): URL {
    const location = answer.headers['location'];
    const url = typeof location === 'string' ? URL.parse(location, answer.url.href) : null;
    if (!url)
      throw new RegistryError('system', 'the registry named no place to upload to', {
        status: answer.status,
      });
    if (answer.url.protocol === 'https:' && url.protocol !== 'https:') url.protocol = 'https:';
    return url;
  }
}

/** The address of the next page of a list, from a Link header (RFC 8288). No address has a `<` in it: without that a header of them takes quadratic time. */
export function nextPage(link: string): string | undefined {
  return /<([^<>]+)>\s*;\s*rel="?next"?/.exec(link)?.[1];
}

function readTags(body: Buffer): string[] {
  try {
    const { tags } = parseJson(body.toString()) as { tags?: unknown };
    if (Array.isArray(tags)) return tags.filter((tag): tag is string => typeof tag === 'string');
  } catch (error) {
    throw systemError(`the list of tags is not JSON: ${(error as Error).message}`);
  }
  return [];
}
