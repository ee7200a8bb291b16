import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { constants } from 'node:os';
import type { Readable } from 'node:stream';
import { endWhenStopped } from '@berth/native/watchdog.ts';
import { BerthError, type ErrorKind, systemError } from '../base/errors.ts';
import type { RootFilesystem } from './api.ts';

/** Runs `berth-native layer VERB`: all work on layers and container files is done in such processes. */
export type Helper = ReturnType<typeof createHelper>;

/** How the helper reports a failure. `stage` is a stable word, `status` an errno or 0. */
interface Failure {
  stage: string;
  status: number;
  message: string;
}

export type Options = Record<string, string | number | undefined>;

/** A running helper. `report` resolves with what it reported and rejects when it failed; `ended` never rejects. */
export interface Run<T> {
  child: ChildProcess;
  report: Promise<T>;
  ended: Promise<void>;
  /** The helper's last report when that was an error: a stream may fail after its beginning was reported. */
  failure(): Error | undefined;
}

const REPORT_FD = 3;
const REPORT_LIMIT = 1 << 20;

/** Stages that blame what was given, and not the host. */
const BLAMED = new Map<string, ErrorKind>([
  ['tar', 'invalid-parameter'],
  ['digest', 'invalid-parameter'],
  ['not-found', 'not-found'],
]);

/** Makes what runs helpers. @param binary the path of `berth-native` */
export function createHelper(binary: string) {
  /** @param stdio for descriptors 0 and 1 (2 is kept for the error's text, 3 for the report) */
  function start<T>(verb: string, options: Options, rest: string[], stdio: [unknown, unknown]): Run<T> {
    const words = ['layer', verb];
    for (const [name, value] of Object.entries(options))
      if (value !== undefined) words.push(`--${name}`, String(value));
    if (rest.length > 0) words.push('--', ...rest);
    const child = spawn(binary, words, {
      stdio: [...stdio, 'pipe', 'pipe'] as SpawnOptions['stdio'],
      env: {},
      cwd: '/',
    });
    const stopped = endWhenStopped(child);
    let text = '';
    let complaint = '';
    child.stderr?.on('data', (bytes: Buffer) => {
      complaint = (complaint + bytes.toString()).slice(-1000);
    });
    const ended = new Promise<void>((resolve) => {
      child.once('close', () => resolve());
      child.once('error', () => resolve());
    });
    const report = new Promise<T>((resolve, reject) => {
      const settle = () => {
        try {
          resolve(outcome<T>(text.slice(0, text.indexOf('\n'))));
        } catch (error) {
          reject(error);
        }
      };
      (child.stdio[REPORT_FD] as Readable | undefined)?.on('data', (bytes: Buffer) => {
        if (text.length < REPORT_LIMIT) text += bytes.toString();
        if (text.includes('\n')) settle();
      });
      child.once('error', (error) => reject(systemError(`${binary}: ${error.message}`, error)));
      child.once('close', (status, signal) => {
        if (text.includes('\n')) return;
        if (status === 0 && text === '') resolve(undefined as T);
        else {
          const how = stopped()
            ? 'its process was stopped from outside and has been ended'
            : (signal ?? status);
          reject(systemError(`layer ${verb} failed (${how}) ${complaint.trim()}`.trim()));
        }
      });
    });
    report.catch(() => undefined);
    const failure = () => {
      const last = text.trimEnd().split('\n').at(-1) ?? '';
      try {
        outcome(last);
      } catch (error) {
        return error as Error;
      }
      return undefined;
    };
    return { child, report, ended, failure };
  }

  return {
    start,
    /** Runs a verb that needs no streams to its end. */
    async run<T>(verb: string, options: Options, rest: string[] = []): Promise<T> {
      const run = start<T>(verb, options, rest, ['ignore', 'ignore']);
      try {
        return await run.report;
      } finally {
        await run.ended;
      }
    },
  };
}

/** Lower layers, topmost first, as the helper's arguments. */
export function lowerWords(lower: RootFilesystem['lower']): string[] {
  return lower.flatMap((layer) =>
    layer.kind === 'erofs' ? ['erofs', layer.image, layer.devices[0] ?? ''] : ['folder', layer.path],
  );
}

/** Errors of path_resolution(7) that no state of the machine causes: the path as it was given can never be had. */
const PATH_ERRORS: ReadonlySet<number> = new Set([constants.errno.ENAMETOOLONG, constants.errno.ELOOP]);

function outcome<T>(text: string): T {
  const value = JSON.parse(text) as T & { error?: Failure };
  if (value?.error) throw toError(value.error);
  return value;
}

/** The kernel's reason stands at the end; Go, whose words clients know, writes it in lower case. */
function toError({ stage, status, message: text }: Failure): BerthError {
  const message =
    status === 0
      ? text
      : text.replace(/: ([A-Z])([^:]*)$/, (_, a: string, b: string) => `: ${a.toLowerCase()}${b}`);
  const kind = BLAMED.get(stage) ?? (PATH_ERRORS.has(status) ? 'invalid-parameter' : 'system');
  return new BerthError(kind, message, { code: stage });
}
