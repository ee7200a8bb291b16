import { readFileSync } from 'node:fs';
import type { TestDaemon } from './daemon.ts';

/** A process that the daemon has started, by its name or by a word of its command line; undefined: there is none. */
export function helperOf(daemon: TestDaemon, name: string): number | undefined {
  const parent = daemon.process!.pid!;
  return read(`/proc/${parent}/task/${parent}/children`)
    .trim()
    .split(' ')
    .map(Number)
    .find(
      (pid) =>
        read(`/proc/${pid}/comm`).trim() === name || read(`/proc/${pid}/cmdline`).split('\0').includes(name),
    );
}

/** The supervisor of a container whose first process this is. */
export const supervisorOf = (pid: number) =>
  Number(/^PPid:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]);

/** The letter of proc_pid_stat(5); '' for a process that is gone. */
export function stateOfProcess(pid: number): string {
  const text = read(`/proc/${pid}/stat`);
  return text[text.lastIndexOf(')') + 2] ?? '';
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
