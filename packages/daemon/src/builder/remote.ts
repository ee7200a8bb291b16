import { spawn } from 'node:child_process';
import { mkdtemp } from 'node:fs/promises';
import { STATUS_CODES } from 'node:http';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { endWhenStopped } from '@berth/native/watchdog.ts';
import { invalidParameter, systemError } from '../base/errors.ts';
import type { Fetch } from '../base/fetch.ts';
import { ignoreFilter } from '../dockerfile/ignore.ts';
import { decompressed } from '../layers/index.ts';
import { looksLikeTar } from './add.ts';
import type { BuildOptions } from './api.ts';
import type { Tree } from './tree.ts';

const isGit = (remote: string) =>
  /^(git:\/\/|git@|github\.com\/|ssh:\/\/)/.test(remote) ||
  (/^https?:\/\//.test(remote) && (remote.endsWith('.git') || remote.includes('.git#')));

/** Fills a context from `remote`: a Git repository (`url#ref:folder`), a tar or a lone Dockerfile by HTTP. */
export async function remoteContext(
  remote: string,
  context: Tree,
  folder: string,
  options: Pick<BuildOptions, 'dockerfile' | 'signal'> & { fetch: Fetch },
): Promise<void> {
  if (isGit(remote)) return gitContext(remote, context, folder, options.signal);
  if (!/^https?:\/\//.test(remote)) throw systemError(`remoteURL (${remote}) could not be recognized as URL`);
  const response = await options.fetch(remote, options.signal).catch((error: Error) => {
    throw systemError(`error downloading remote context ${remote}: ${error.message}`, error);
  });
  const bytes = await collect(response.body);
  if (response.status >= 300) {
    const answer = `${response.status} ${STATUS_CODES[response.status] ?? ''}: ${bytes.toString().trim()}`;
    throw systemError(
      `error downloading remote context ${remote}: failed to GET ${remote} with status ${answer}`,
    );
  }
  const plain = await collect(await decompressed(Readable.from([bytes]))).catch(() => bytes);
  if (looksLikeTar(plain)) await context.addTar(Readable.from([plain]));
  else
    await context.addStream(options.dockerfile, Readable.from([bytes]), {
      size: bytes.length,
      mode: 0o644,
      mtime: new Date(0),
    });
}

async function collect(stream: Readable): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const chunk of stream as AsyncIterable<Buffer>) parts.push(chunk);
  return Buffer.concat(parts);
}

async function gitContext(remote: string, context: Tree, folder: string, signal: AbortSignal): Promise<void> {
  const [url = '', fragment = ''] = remote.split('#');
  const [ref = '', sub = ''] = fragment.split(':');
  const repository = url.startsWith('github.com/') ? `https://${url}` : url;
  if (ref.startsWith('-') || repository.startsWith('-'))
    throw invalidParameter(`invalid Git reference: ${ref}`);
  const checkout = await mkdtemp(join(folder, 'git-'));
  await git(['init', '-q', checkout], signal);
  const commit = await fetchCommit(checkout, repository, ref || 'HEAD', signal);
  const archive = spawn(
    'git',
    ['-C', checkout, 'archive', '--format=tar', sub ? `${commit}:${sub.replace(/^\/+/, '')}` : commit],
    {
      stdio: ['ignore', 'pipe', 'ignore'],
      signal,
    },
  );
  endWhenStopped(archive);
  archive.on('error', () => undefined);
  await context.addTar(archive.stdout);
  const entry = context.entries.get('.dockerignore');
  if (entry?.type !== 'file') return;
  const ignored = ignoreFilter((await context.readAll(entry)).toString());
  await context.removeAll(ignored);
}

/** Brings the commit that is wanted, if it can be had alone without the ones before it; returns how it is called. */
async function fetchCommit(
  checkout: string,
  repository: string,
  ref: string,
  signal: AbortSignal,
): Promise<string> {
  const fetch = (...args: string[]) => git(['-C', checkout, 'fetch', '-q', ...args], signal);
  try {
    await fetch('--depth', '1', '--', repository, ref);
    return 'FETCH_HEAD';
  } catch (error) {
    signal.throwIfAborted();
    // Plain files behind HTTP are no server that could leave something out; others know commits by branch or tag only.
    const plain = /dumb http/.test((error as Error).message);
    const hash = /^[0-9a-f]{7,40}$/.test(ref);
    if (!plain && !hash) throw error;
    if (!hash) {
      await fetch('--', repository, ref);
      return 'FETCH_HEAD';
    }
    await fetch('--', repository, '+refs/heads/*:refs/heads/*', '+refs/tags/*:refs/tags/*');
    return ref;
  }
}

function git(args: string[], signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn('git', args, {
      stdio: ['ignore', 'ignore', 'pipe'],
      signal,
      env: { ...process.env, GIT_TERMINAL_PROMPT: '0' },
    });
    endWhenStopped(child);
    let text = '';
    child.stderr.on('data', (chunk) => {
      text = (text + chunk).slice(-2000);
    });
    child.on('error', (error) => reject(systemError(`git: ${error.message}`)));
    child.on('close', (code) =>
      code === 0
        ? resolve()
        : reject(invalidParameter(`unable to prepare context: git ${args[2] ?? args[0]}: ${text.trim()}`)),
    );
  });
}
