import { accessSync, constants, statSync } from 'node:fs';
import { constants as osConstants } from 'node:os';
import { join } from 'node:path';
import type { Launcher } from '@berth/native';
import { systemError } from '../../../base/errors.ts';
import { resultOf } from './result.ts';

/** How long a plugin may take, in milliseconds. */
const PATIENCE = 120_000;
/** The most bytes of its answer, as native/c/pod/plugin.c has it. */
const OUTPUT_MAX = 1024 * 1024;

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
export async function runPlugin(launcher: Launcher, call: PluginCall): Promise<Record<string, unknown>> {
  const { command, type, folders, config, environment } = call;
  const refuse = (why: string) =>
    systemError(`plugin type=${JSON.stringify(type)} failed (${command.toLowerCase()}): ${why}`);
  const path = findPlugin(type, folders);
  if (!path) throw refuse(`it is in none of the folders ${folders.join(', ')}`);
  const { how, number, output, errors } = await launcher
    .plugin({
      path,
      input: JSON.stringify(config),
      environment: {
        PATH: process.env['PATH'] ?? '/usr/sbin:/usr/bin:/sbin:/bin',
        CNI_COMMAND: command,
        CNI_PATH: folders.join(':'),
        ...environment,
      },
      patience: call.patience ?? PATIENCE,
    })
    .catch((error: Error) => {
      throw refuse(error.message);
    });
  if (how === 'long') throw refuse(`its answer is longer than ${OUTPUT_MAX} bytes`);
  if (how === 'late') throw refuse('it did not end in time and was killed');
  const [out, err] = [output.trim(), errors.trim()];
  const failed = how !== 'exit' || number !== 0;
  let result: Record<string, unknown>;
  try {
    result = resultOf(out);
  } catch (error) {
    if (failed && err !== '') throw refuse(err);
    throw refuse(`${(error as Error).message}: ${out.slice(0, 200)}`);
  }
  if (!failed) return result;
  const said = [result['msg'], result['details']].filter((text) => typeof text === 'string' && text !== '');
  const ended = how === 'exit' ? number : nameOfSignal(number);
  throw refuse(said.join('; ') || err || `it ended with ${ended}`);
}

const nameOfSignal = (number: number): string =>
  Object.entries(osConstants.signals).find(([, value]) => value === number)?.[0] ?? `signal ${number}`;
