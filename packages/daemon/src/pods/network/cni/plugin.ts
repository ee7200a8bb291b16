import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { systemError } from '../../../base/errors.ts';

/** How long a plugin may take, in milliseconds. */
const PATIENCE = 120_000;
const OUTPUT_MAX = 4 * 1024 * 1024;

export interface PluginCall {
  command: 'ADD' | 'DEL' | 'CHECK' | 'STATUS' | 'VERSION';
  type: string;
  folders: readonly string[];
  config: object;
  environment: Record<string, string>;
}

/** Whether a plugin is there to be run. */
export function findPlugin(type: string, folders: readonly string[]): string | undefined {
  return folders
    .map((folder) => join(folder, type))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
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
    timeout: PATIENCE,
    killSignal: 'SIGKILL',
  });
  const output = { out: '', err: '' };
  child.stdout.on('data', (chunk: Buffer) => {
    if (output.out.length < OUTPUT_MAX) output.out += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    if (output.err.length < 4096) output.err += chunk.toString();
  });
  child.stdin.on('error', () => undefined);
  child.stdin.end(JSON.stringify(config));
  const status = await new Promise<number | string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) => resolve(code ?? signal ?? 'lost'));
  });
  let result: Record<string, unknown> = {};
  try {
    if (output.out.trim() !== '') result = JSON.parse(output.out) as Record<string, unknown>;
  } catch {
    throw refuse(`its answer is no JSON: ${output.out.slice(0, 200)}`);
  }
  if (status === 0) return result;
  const said = [result['msg'], result['details']].filter(Boolean).join('; ');
  throw refuse(said || output.err.trim() || `it ended with ${status}`);
}
