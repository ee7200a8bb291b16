import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { join, posix } from 'node:path';
import type { Readable } from 'node:stream';
import { endWhenStopped } from '@berth/native/watchdog.ts';
import { BerthError, invalidParameter, systemError } from '../base/errors.ts';
import type { Tree } from './tree/tree.ts';

/** True for the address of a Git repository; with `#ref:folder`, of a part of it. */
export const isGit = (remote: string): boolean =>
  /^(git:\/\/|git@|github\.com\/|ssh:\/\/)/.test(remote) ||
  (/^https?:\/\//.test(remote) && (remote.endsWith('.git') || remote.includes('.git#')));

/** A git command that failed. */
export class GitError extends BerthError {
  readonly exitCode: number;
  readonly stderr: string;

  constructor(exitCode: number, stderr: string) {
    super('invalid-parameter', `git error: exit status ${exitCode}\nstderr:\n${stderr}`);
    this.exitCode = exitCode;
    this.stderr = stderr;
  }
}

/** The parts of a repository's address. @throws invalid-parameter for what git would take for an option. */
export function parseGit(remote: string): { repository: string; ref: string; sub: string } {
  const [url = '', fragment = ''] = remote.split('#');
  const [ref = '', sub = ''] = fragment.split(':');
  const repository = url.startsWith('github.com/') ? `https://${url}` : url;
  if (ref.startsWith('-') || repository.startsWith('-'))
    throw invalidParameter(`invalid Git reference: ${ref}`);
  return { repository, ref, sub: posix.join('/', sub).slice(1) };
}

/**
 * Puts the files of a commit into a tree. `keepDirectory`: with its `.git`.
 * @throws GitError; invalid-parameter where the repository has no such folder.
 */
export async function checkOut(
  { repository, ref, sub }: ReturnType<typeof parseGit>,
  tree: Tree,
  folder: string,
  signal: AbortSignal,
  keepDirectory = false,
): Promise<void> {
  const checkout = await mkdtemp(join(folder, 'git-'));
  try {
    await git(['init', '-q', checkout], signal);
    const commit = await fetchCommit(checkout, repository, ref || 'HEAD', signal);
    const within = ['-C', checkout];
    if (sub !== '')
      await git([...within, 'cat-file', '-e', `${commit}:${sub}`], signal).catch((error) => {
        throw invalidParameter(
          `invalid subdir /${sub}: failed to lstat ${JSON.stringify(sub)}: statat ${sub}: no such file or directory`,
          error,
        );
      });
    if (keepDirectory && sub === '') {
      await git([...within, 'checkout', '-q', '--detach', commit], signal);
      await read('tar', ['-C', checkout, '--owner=0', '--group=0', '-c', '.'], tree, signal);
    } else
      await read(
        'git',
        // The modes of a checkout by root, not those of a group that shares it.
        [...within, '-c', 'tar.umask=0022', 'archive', '--format=tar', sub ? `${commit}:${sub}` : commit],
        tree,
        signal,
      );
  } finally {
    await rm(checkout, { recursive: true, force: true });
  }
}

/** Reads the tar that a program writes. */
async function read(program: string, args: string[], tree: Tree, signal: AbortSignal): Promise<void> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'], signal });
  endWhenStopped(child);
  const ended = new Promise<void>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) =>
      code === 0 ? resolve() : reject(systemError(`${program} ended with status ${code}`)),
    );
  });
  await Promise.all([tree.addTar(child.stdout as Readable), ended]);
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

/** Runs git. @returns what it printed. @throws GitError */
export function git(args: string[], signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn('git', args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      signal,
      env: { ...process.env, GIT_TERMINAL_PROMPT: '0' },
    });
    endWhenStopped(child);
    let text = '';
    let out = '';
    child.stdout.on('data', (chunk) => {
      out = (out + chunk).slice(0, 1 << 20);
    });
    child.stderr.on('data', (chunk) => {
      text = (text + chunk).slice(-2000);
    });
    child.on('error', (error) => reject(systemError(`git: ${error.message}`, error)));
    child.on('close', (code) => (code === 0 ? resolve(out) : reject(new GitError(code ?? -1, text))));
  });
}
