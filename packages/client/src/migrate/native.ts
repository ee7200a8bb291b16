import { spawn } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CliError } from '../base/errors.ts';

/** Bytes of a report that are looked at. */
const REPORT_LIMIT = 64 * 1024;

/**
 * Runs `berth-native layer` with these words: the C core reads and writes other engines' trees by descriptors, so that a link
 * which a running container puts there meanwhile leads nowhere else.
 * @throws CliError with its reason when it fails
 */
async function native(words: string[], taken?: (bytes: Buffer) => void): Promise<void> {
  const program = join(dirname(process.argv[1] ?? ''), 'berth-native');
  const stdio = ['ignore', taken ? 'pipe' : 'ignore', 'inherit', 'pipe'] as const;
  const child = spawn(program, ['layer', ...words], { stdio: [...stdio], env: {}, cwd: '/' });
  let report = '';
  (child.stdio[3] as NodeJS.ReadableStream).on('data', (part) => {
    report = (report + part).slice(0, REPORT_LIMIT);
  });
  if (taken) child.stdout?.on('data', taken);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0) throw new CliError(reasonOf(report));
}

/** The message of the last error that was reported. */
function reasonOf(report: string): string {
  try {
    const { error } = JSON.parse(report.trim().split('\n').at(-1) ?? '') as { error?: { message?: string } };
    if (error?.message) return error.message;
  } catch {
    // No report, or a part of one.
  }
  return report.trim() || 'berth-native has failed';
}

/**
 * The changes of a container as a layer's tar. `lower` are the folders below its own, the topmost first. The C core reads
 * them, since it knows the whiteouts of overlays.
 */
export async function changesTar(upper: string, lower: readonly string[]): Promise<Buffer> {
  const parts: Buffer[] = [];
  const below = lower.flatMap((path) => ['folder', path]);
  try {
    await native(['diff', '--upper', upper, '--started', 'yes', '--', ...below], (part) => parts.push(part));
  } catch (error) {
    throw new CliError(`what is in ${upper} cannot be read: ${(error as Error).message}`);
  }
  return Buffer.concat(parts);
}

/** Copies a volume's files with all they have; blocks are shared where the file system can, and never links. */
export async function copyVolume(from: string, to: string): Promise<void> {
  try {
    // Up to the volume itself all is the administrator's, who may have put it elsewhere by a link.
    await native(['volume', '--op', 'clone', '--from', realpathSync(from), '--path', to]);
  } catch (error) {
    throw new CliError(`its files could not be copied: ${(error as Error).message}`);
  }
}
