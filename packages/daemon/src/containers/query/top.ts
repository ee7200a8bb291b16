import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { conflict, invalidParameter } from '../../base/errors.ts';
import type { Container } from '../model/container.ts';
import type { Context } from '../model/context.ts';

const run = promisify(execFile);

/** A container's processes, as the host's `ps` tells of them. @throws conflict while it does not run, invalid-parameter */
export async function topContainer(context: Context, container: Container, psArgs: string) {
  if (container.state.status === 'restarting')
    throw conflict(`Container ${container.id} is restarting, wait until the container is running`);
  if (!container.alive) throw conflict(`container ${container.id} is not running`);
  const table = await processTable(await context.rooms.runtime.processes(container.id), psArgs);
  context.emit(container, 'top');
  return table;
}

/**
 * The host's `ps` about some processes: titles and rows, the last column with its blanks.
 * @throws invalid-parameter with dockerd's texts
 */
async function processTable(
  pids: number[],
  psArgs: string,
): Promise<{ Titles: string[]; Processes: string[][] }> {
  const args = (psArgs || '-ef').split(/\s+/).filter((word) => word !== '');
  let output: string;
  try {
    // -q asks for these alone; some options do not go with it.
    output = (await run('ps', [...args, `-q${pids.join(',')}`], { maxBuffer: 64 * 1024 * 1024 })).stdout;
  } catch {
    try {
      output = (await run('ps', args, { maxBuffer: 64 * 1024 * 1024 })).stdout;
    } catch (error) {
      const told = (error as { stderr?: string }).stderr?.split('\n')[0] || (error as Error).message;
      throw invalidParameter(`ps: ${told}`, error);
    }
  }
  return parseTable(output, new Set(pids));
}

/** Takes the rows of `pids` out of what `ps` printed. @throws invalid-parameter when there is no column PID */
export function parseTable(output: string, pids: Set<number>): { Titles: string[]; Processes: string[][] } {
  const lines = output.split('\n');
  const Titles = words(lines[0] ?? '');
  const column = Titles.indexOf('PID');
  if (column === -1) throw invalidParameter("Couldn't find PID field in ps output");
  const Processes: string[][] = [];
  let last = false;
  for (const line of lines.slice(1)) {
    if (line === '') continue;
    const fields = words(line);
    // A row of threads belongs to the process above it.
    if (fields[column] === '-') {
      if (last) Processes.push(row(fields, Titles.length));
      continue;
    }
    const pid = Number(fields[column]);
    if (!Number.isInteger(pid)) throw invalidParameter(`Unexpected pid '${fields[column]}': not a number`);
    last = pids.has(pid);
    if (last) Processes.push(row(fields, Titles.length));
  }
  return { Titles, Processes };
}

const words = (line: string) => line.split(/\s+/).filter((word) => word !== '');

function row(fields: string[], columns: number): string[] {
  return [...fields.slice(0, columns - 1), fields.slice(columns - 1).join(' ')];
}
