import { type ExitStatus, LaunchError, type LaunchRecord, type LogLoss } from '../api.ts';

/** A message of a supervisor's on its control connection, or of the launcher's about it. */
export type News =
  | { name: 'listening' }
  | { name: 'process'; process: number }
  | { name: 'started'; pid: number; process: number; foreign: boolean }
  | { name: 'state'; id: string; pid: number; process: number; foreign: boolean }
  | { name: 'failed'; error: LaunchError }
  | { name: 'oom'; kills: number }
  | { name: 'exited'; exit: ExitStatus }
  | { name: 'exec'; execId: string; pid: number }
  | { name: 'exec-exited'; execId: string; code: number }
  | { name: 'log'; loss: LogLoss }
  | { name: 'detached'; token: string }
  | { name: 'reply'; sequence: string; error: LaunchError | null }
  | { name: 'lost' };

const decoders = new Map<string, (...values: string[]) => News>(
  Object.entries<(...values: string[]) => News>({
    listening: () => ({ name: 'listening' }),
    process: (process) => ({ name: 'process', process: Number(process) }),
    started: (pid, process, foreign) => ({
      name: 'started',
      pid: Number(pid),
      process: Number(process),
      foreign: foreign === '1',
    }),
    state: (id = '', pid, process, foreign) => ({
      name: 'state',
      id,
      pid: Number(pid),
      process: Number(process),
      foreign: foreign === '1',
    }),
    failed: (...values) => ({ name: 'failed', error: launchError(...values) }),
    oom: (kills) => ({ name: 'oom', kills: Number(kills) }),
    exited: (code, oomKilled, finishedAt = '0') => ({
      name: 'exited',
      exit: { code: Number(code), oomKilled: oomKilled === '1', finishedAt },
    }),
    exec: (execId = '', pid) => ({ name: 'exec', execId, pid: Number(pid) }),
    'exec-exited': (execId = '', code) => ({ name: 'exec-exited', execId, code: Number(code) }),
    'log-lost': (lines, reason = '') => ({
      name: 'log',
      loss: { lines: Number(lines), reason, over: false },
    }),
    'log-whole': (lines, reason = '') => ({
      name: 'log',
      loss: { lines: Number(lines), reason, over: true },
    }),
    detached: (token = '') => ({ name: 'detached', token }),
    reply: (sequence = '', status, ...values) => ({
      name: 'reply',
      sequence,
      error: status === 'ok' ? null : launchError(...values),
    }),
    lost: () => ({ name: 'lost' }),
  }),
);

/** Decodes a record; undefined for one that a newer supervisor has and this daemon does not know. */
export function supervisorNews([name, ...values]: LaunchRecord): News | undefined {
  return decoders.get(name)?.(...values);
}

/** The error of a record `failed STAGE ERRNO MESSAGE [STEP]`, or of a reply's arguments behind `failed`. */
export function launchError(stage = 'start', errno = '0', message = '', step = ''): LaunchError {
  return new LaunchError(stage, Number(errno), message, step);
}
