import { readSync } from 'node:fs';
import { bool, filter } from '../base/flags.ts';
import { sleepSync } from '../base/output.ts';
import type { Cli } from '../cli/cli.ts';
import { humanSize } from '../format/sizes.ts';

/** The flags all commands have that remove what is unused. */
export const pruneFlags = {
  filter: filter('', 'Only what this is true for (e.g. "until=<timestamp>", "label=<key>=<value>")'),
  force: bool('f', 'Do not ask'),
};

/** The next byte of standard input; nothing at its end. It waits for it, and takes no byte more. */
export function readByte(): number | undefined {
  const byte = Buffer.alloc(1);
  for (;;)
    try {
      return readSync(0, byte, 0, 1, null) ? byte[0] : undefined;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EAGAIN') sleepSync(10);
      else if (code === 'EOF' || code === 'EIO') return undefined;
      else if (code !== 'EINTR') throw error;
    }
}

/** A line of standard input, without its end; an empty one at the end of input. */
export function readLine(): string {
  const bytes: number[] = [];
  for (let byte = readByte(); byte !== undefined && byte !== 10; byte = readByte()) bytes.push(byte);
  return Buffer.from(bytes).toString().replace(/\r$/, '');
}

/** Asks the user; true for y. */
export function confirm(cli: Cli, question: string): boolean {
  cli.print(`${question} [y/N] `);
  return readLine().trim().toLowerCase() === 'y';
}

/** The filters of the command line with those of the configuration; the command line's labels win. */
export function withConfiguredFilters(
  cli: Cli,
  given: Readonly<Record<string, readonly string[]>>,
): Record<string, string[]> {
  const filters: Record<string, string[]> = {};
  for (const [name, values] of Object.entries(given)) filters[name] = [...values];
  for (const text of cli.config().data.pruneFilters ?? []) {
    const at = text.indexOf('=');
    if (at < 0) continue;
    const [name, value] = [text.slice(0, at), text.slice(at + 1)];
    const opposite = name === 'label' ? 'label!' : name === 'label!' ? 'label' : undefined;
    if (opposite && filters[opposite]?.includes(value)) continue;
    const values = filters[name] ?? [];
    if (!values.includes(value)) filters[name] = [...values, value];
  }
  return filters;
}

/** The result of one kind of prune: its text, ready to print, and the bytes it freed. */
export interface Pruned {
  text: string;
  freed: number;
}

/** `title`, then a line each; nothing when nothing was removed. */
export function prunedText(title: string, lines: readonly string[]): string {
  return lines.length ? `${title}\n${lines.map((line) => `${line}\n`).join('')}\n` : '';
}

/** The last line of most prunes. */
export const reclaimed = (bytes: number): string => `Total reclaimed space: ${humanSize(bytes)}\n`;
