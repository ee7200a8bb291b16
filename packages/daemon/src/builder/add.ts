import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { STATUS_CODES } from 'node:http';
import { basename, join } from 'node:path';
import type { Readable } from 'node:stream';
import { BerthError } from '../base/errors.ts';
import type { Fetch } from '../base/fetch.ts';
import { decompressed } from '../layers/index.ts';
import { findSources, type Source } from './copy.ts';
import { checkOut, GitError, git, isGit, parseGit } from './git.ts';
import { Tree } from './tree/tree.ts';

/** The most bytes of a server's error text that are repeated. */
const MAX_SAID = 64 * 1024;

/** True for bytes that begin as a tar does (ustar's magic, or a header whose checksum is right). */
export function looksLikeTar(head: Buffer): boolean {
  if (head.length < 512) return false;
  if (head.subarray(257, 262).toString('latin1') === 'ustar') return true;
  const recorded = Number.parseInt(head.subarray(148, 156).toString('latin1').replace(/\0.*$/, '').trim(), 8);
  let sum = 0;
  for (let at = 0; at < 512; at++) sum += at >= 148 && at < 156 ? 32 : head[at]!;
  return Number.isFinite(recorded) && recorded === sum && sum > 256;
}

/** An ADD whose URL gave nothing; the two builders say it in different words. */
export class FetchFailed extends BerthError {
  readonly buildKit: string;
  /** What BuildKit was doing then. */
  readonly doing: string;

  constructor(classic: string, buildKit: string, doing = 'failed to load cache key: ') {
    super('system', `ADD failed: ${classic}`);
    this.buildKit = buildKit;
    this.doing = doing;
  }
}

/** An ADD whose archive is broken; the classic builder says what it was doing. */
export class UnpackFailed extends BerthError {
  constructor(text: string) {
    super('invalid-parameter', text);
  }
}

export interface AddOptions {
  /** The checksum that the fetched file must have. */
  checksum?: string;
  fromContext?: boolean;
  /** `--unpack`: tars are unpacked, fetched ones too, or none is. Without it, those of the context are. */
  unpacks?: boolean;
  /** What is fetched from an address without a file name is called so; without it that is refused. */
  nameless?: string;
  /** Addresses of Git repositories stand for the files of a commit (BuildKit); `keepDirectory`: with `.git`. */
  git?: { keepDirectory: boolean };
}

/** The sources of an ADD: tars of the context unpacked, URLs fetched, the rest as COPY takes it. */
export async function addSources(
  context: Tree,
  patterns: string[],
  folder: string,
  intoFolder: boolean,
  trees: Tree[],
  signal: AbortSignal,
  fetch: Fetch,
  { checksum = '', fromContext = true, unpacks, nameless, git: repositories }: AddOptions = {},
): Promise<Source[]> {
  const out: Source[] = [];
  for (const pattern of patterns) {
    if (repositories && isGit(pattern)) {
      const tree = await newTree(folder, trees);
      await addRepository(pattern, tree, folder, signal, repositories.keepDirectory);
      out.push({ tree, path: '', name: '', unpacked: true });
      continue;
    }
    if (/^https?:\/\//.test(pattern)) {
      const source = await download(pattern, folder, intoFolder, trees, signal, checksum, fetch, nameless);
      out.push(unpacks ? await unpack(source, folder, trees) : source);
      continue;
    }
    for (const source of await findSources(context, pattern, 'ADD', fromContext))
      out.push(unpacks === false ? source : await unpack(source, folder, trees));
  }
  return out;
}

/** Fetches a commit of a repository. Returns what git tells of it. @throws FetchFailed with BuildKit's texts. */
export async function addRepository(
  remote: string,
  tree: Tree,
  folder: string,
  signal: AbortSignal,
  keepDirectory: boolean,
): Promise<string> {
  const parsed = parseGit(remote);
  const { repository, ref } = parsed;
  const failed = (text: string) => new FetchFailed(text, text);
  const wanted = ref === '' ? ['--symref', '--', repository, 'HEAD'] : ['--', repository, ref, `${ref}^{}`];
  const found = await git(['ls-remote', ...wanted], signal).catch((error: Error) => {
    if (!(error instanceof GitError)) throw error;
    const what =
      ref === ''
        ? `error fetching default branch for repository ${repository}`
        : `failed to fetch remote ${repository}`;
    throw failed(`${what}: ${error.message}`);
  });
  if (found === '' && !/^[0-9a-f]{40}$/.test(ref))
    throw failed(`repository does not contain ref ${ref}, output: ${JSON.stringify(found)}`);
  await checkOut(parsed, tree, folder, signal, keepDirectory).catch((error: Error) => {
    if (error instanceof GitError) throw failed(`failed to fetch remote ${repository}: ${error.message}`);
    throw error;
  });
  return found;
}

let counter = 0;

async function newTree(folder: string, trees: Tree[]): Promise<Tree> {
  const tree = await Tree.create(join(folder, `add-${counter++}`));
  trees.push(tree);
  return tree;
}

/** The content of a source that is a tar, plain or compressed; else the source as it is. */
async function unpack(source: Source, folder: string, trees: Tree[]): Promise<Source> {
  const entry = source.tree.entries.get(source.path);
  if (entry?.type !== 'file' || entry.size === 0) return source;
  const head = await firstBytes(await decompressed(source.tree.read(entry)).catch(() => null));
  if (!head || !looksLikeTar(head)) return source;
  const tree = await newTree(folder, trees);
  try {
    await tree.addTar(await decompressed(source.tree.read(entry)));
  } catch (error) {
    throw new UnpackFailed((error as Error).message.replace(/^Error processing tar file: /, ''));
  }
  return { tree, path: '', name: source.name, unpacked: true };
}

async function firstBytes(stream: Readable | null, limit = 512): Promise<Buffer | null> {
  if (!stream) return null;
  const parts: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      parts.push(chunk);
      length += chunk.length;
      if (length >= limit) break;
    }
  } catch {
    return null;
  } finally {
    stream.destroy();
  }
  return Buffer.concat(parts).subarray(0, limit);
}

async function download(
  url: string,
  folder: string,
  intoFolder: boolean,
  trees: Tree[],
  signal: AbortSignal,
  checksum: string,
  fetch: Fetch,
  nameless = '',
): Promise<Source> {
  const response = await fetch(url, signal).catch((error: Error) => {
    throw new FetchFailed(error.message, error.message);
  });
  if (response.status >= 300) {
    const { status } = response;
    const said = (await firstBytes(response.body, MAX_SAID))?.toString().trim() ?? '';
    throw new FetchFailed(
      `failed to GET ${url} with status ${status} ${response.reason || (STATUS_CODES[status] ?? '')}: ${said}`,
      `invalid response status ${status}`,
    );
  }
  let name = basename(new URL(url).pathname);
  const disposition = /filename="?([^";]+)"?/.exec(
    String(response.headers['content-disposition'] ?? ''),
  )?.[1];
  if (name === '' && disposition) name = basename(disposition);
  name ||= nameless;
  if (name === '' && intoFolder) {
    response.body.destroy();
    const why = `cannot determine filename for source ${url}`;
    throw new FetchFailed(why, why);
  }
  const file = join(folder, `download-${counter++}`);
  const handle = await open(file, 'wx', 0o600);
  let size = 0;
  const hash = createHash('sha256');
  try {
    for await (const chunk of response.body as AsyncIterable<Buffer>) {
      await handle.write(chunk);
      hash.update(chunk);
      size += chunk.length;
    }
  } finally {
    await handle.close();
  }
  const found = `sha256:${hash.digest('hex')}`;
  if (checksum !== '' && checksum !== found) {
    const why = `digest mismatch ${found}: ${checksum}`;
    throw new FetchFailed(why, why, '');
  }
  const modified = response.headers['last-modified'];
  const tree = await newTree(folder, trees);
  await tree.addStream(name || 'download', createReadStream(file), {
    size,
    mode: 0o600,
    mtime: modified ? new Date(String(modified)) : new Date(0),
  });
  return { tree, path: name || 'download', name };
}
