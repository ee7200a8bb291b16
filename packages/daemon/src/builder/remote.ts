import { STATUS_CODES } from 'node:http';
import { Readable } from 'node:stream';
import { BerthError, invalidParameter, systemError } from '../base/errors.ts';
import type { Fetch } from '../base/fetch.ts';
import { ignoreFilter } from '../dockerfile/ignore.ts';
import { decompressed } from '../layers/index.ts';
import { looksLikeTar } from './add.ts';
import type { BuildOptions } from './api.ts';
import { checkOut, GitError, isGit, parseGit } from './git.ts';
import type { Tree } from './tree/tree.ts';

/** A context that could not be had by HTTP; the two builders say it in different words. */
export class RemoteFailed extends BerthError {
  readonly buildKit: string;

  constructor(classic: string, buildKit: string, cause?: Error) {
    super('system', classic, { cause });
    this.buildKit = buildKit;
  }
}

/** Fills a context from `remote`: a Git repository (`url#ref:folder`), a tar or a lone Dockerfile by HTTP. Returns true for the last. */
export async function remoteContext(
  remote: string,
  context: Tree,
  folder: string,
  options: Pick<BuildOptions, 'dockerfile' | 'signal'> & { fetch: Fetch },
): Promise<boolean> {
  if (isGit(remote)) {
    await gitContext(remote, context, folder, options.signal);
    return false;
  }
  if (!/^https?:\/\//.test(remote)) throw systemError(`remoteURL (${remote}) could not be recognized as URL`);
  const response = await options.fetch(remote, options.signal).catch((error: Error) => {
    throw new RemoteFailed(
      `error downloading remote context ${remote}: ${error.message}`,
      error.message,
      error,
    );
  });
  const bytes = await collect(response.body);
  if (response.status >= 300) {
    const answer = `${response.status} ${response.reason || (STATUS_CODES[response.status] ?? '')}: ${bytes.toString().trim()}`;
    throw new RemoteFailed(
      `error downloading remote context ${remote}: failed to GET ${remote} with status ${answer}`,
      `invalid response status ${response.status}`,
    );
  }
  const plain = await collect(await decompressed(Readable.from([bytes]))).catch(() => bytes);
  const lone = !looksLikeTar(plain);
  if (!lone) await context.addTar(Readable.from([plain]));
  else
    await context.addStream(options.dockerfile, Readable.from([bytes]), {
      size: bytes.length,
      mode: 0o644,
      mtime: new Date(0),
    });
  return lone;
}

async function collect(stream: Readable): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const chunk of stream as AsyncIterable<Buffer>) parts.push(chunk);
  return Buffer.concat(parts);
}

async function gitContext(remote: string, context: Tree, folder: string, signal: AbortSignal): Promise<void> {
  await checkOut(parseGit(remote), context, folder, signal).catch((error: Error) => {
    if (!(error instanceof GitError)) throw error;
    throw invalidParameter(`unable to prepare context: git fetch: ${error.stderr.trim()}`, error);
  });
  const entry = context.entries.get('.dockerignore');
  if (entry?.type !== 'file') return;
  const ignored = ignoreFilter((await context.readAll(entry)).toString());
  await context.removeAll(ignored);
}
