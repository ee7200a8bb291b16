import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { systemError } from '../../../base/errors.ts';
import { resultOf } from './result.ts';

/** How long a plugin may take, in milliseconds. */
const PATIENCE = 120_000;
/** How long its streams may be held open by what it has left running, in milliseconds. */
const AFTERWARDS = 500;
/** The most bytes of its answer: the result is kept with the pod, and handed to the next plugin. */
const OUTPUT_MAX = 1024 * 1024;
const ERRORS_MAX = 4096;

export interface PluginCall {
  command: 'ADD' | 'DEL' | 'CHECK' | 'STATUS' | 'VERSION';
  type: string;
  folders: readonly string[];
  config: object;
  environment: Record<string, string>;
  /** Milliseconds that it may take, where that is not two minutes. */
  patience?: number;
}

/** Whether a plugin is there to be run. */
export function findPlugin(type: string, folders: readonly string[]): string | undefined {
  return folders
    .map((folder) => join(folder, type))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return statSync(path).isFile();
      } catch {
        return false;
      }
    });
}

/** Runs a plugin; its result, {} where it has none. @throws system with the plugin's own words */
export async function runPlugin(call: PluginCall): Promise<Record<string, unknown>> {
  const { command, type, folders, config, environment } = call;
  const refuse = (why: string) =>
    systemError(`plugin type=${JSON.stringify(type)} failed (${command.toLowerCase()}): ${why}`);
  const path = findPlugin(type, folders);
  if (!path) throw refuse(`it is in none of the folders ${folders.join(', ')}`);
  const child = spawn(path, [], {
    env: {
      PATH: process.env['PATH'] ?? '/usr/sbin:/usr/bin:/sbin:/bin',
      CNI_COMMAND: command,
      CNI_PATH: folders.join(':'),
      ...environment,
    },
    stdio: ['pipe', 'pipe', 'pipe'],
    cwd: '/',
    // A process group of its own, so that it ends with all that it has started.
    detached: true,
  });
  child.stdin.on('error', () => undefined);
  child.stdin.end(JSON.stringify(config));
  const { status, out, err } = await ended(child, call.patience ?? PATIENCE);
  if (status === TOO_LONG) throw refuse(`its answer is longer than ${OUTPUT_MAX} bytes`);
  if (status === TOO_LATE) throw refuse('it did not end in time and was killed');
  let result: Record<string, unknown>;
  try {
    result = resultOf(out);
  } catch (error) {
    if (status !== 0 && err !== '') throw refuse(err);
    throw refuse(`${(error as Error).message}: ${out.slice(0, 200)}`);
  }
  if (status === 0) return result;
  const said = [result['msg'], result['details']].filter((text) => typeof text === 'string' && text !== '');
  throw refuse(said.join('; ') || err || `it ended with ${String(status)}`);
}

const TOO_LONG = Symbol('too long');
const TOO_LATE = Symbol('too late');

/**
 * How a plugin ended, and the texts that it wrote. One that writes without end or does not end is killed with its process
 * group; a process that it leaves running may hold its streams open, which is waited for a moment only.
 */
function ended(
  child: ChildProcessByStdio<Writable, Readable, Readable>,
  patience: number,
): Promise<{ status: number | string | symbol; out: string; err: string }> {
  const [out, err]: [Buffer[], Buffer[]] = [[], []];
  let [length, told] = [0, 0];
  return new Promise((resolve) => {
    const finish = (status: number | string | symbol) => {
      clearTimeout(timer);
      for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy();
      const texts = [out, err].map((chunks) => Buffer.concat(chunks).toString().trim());
      resolve({ status, out: texts[0]!, err: texts[1]! });
    };
    const kill = (why: symbol) => {
      try {
        process.kill(-child.pid!, 'SIGKILL');
      } catch {
        // It has ended by itself.
      }
      finish(why);
    };
    let timer = setTimeout(() => kill(TOO_LATE), patience);
    child.stdout.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length > OUTPUT_MAX) kill(TOO_LONG);
      else out.push(chunk);
    });
    child.stderr.on('data', (chunk: Buffer) => {
      if (told < ERRORS_MAX) err.push(chunk.subarray(0, ERRORS_MAX - told));
      told += chunk.length;
    });
    child.once('error', (error) => finish(error.message));
    child.once('exit', (code, signal) => {
      clearTimeout(timer);
      timer = setTimeout(() => finish(code ?? signal ?? 'lost'), AFTERWARDS);
    });
    child.once('close', (code, signal) => finish(code ?? signal ?? 'lost'));
  });
}
