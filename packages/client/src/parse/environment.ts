import { readFileSync } from 'node:fs';
import { CliError, messageOf } from '../base/errors.ts';
import { cut } from './csv.ts';

/** The value of `-e`: a bare name takes its value from this process's environment, if it is set there. */
export function checkEnv(value: string): string {
  const [name, given] = cut(value, '=');
  if (name === '') throw new Error(`invalid environment variable: ${value}`);
  if (given !== undefined) return value;
  const inherited = process.env[name];
  return inherited === undefined ? value : `${name}=${inherited}`;
}

/** The value of `--label`. */
export function checkLabel(value: string): string {
  const name = cut(value, '=')[0].replace(/^[ \t]+/, '');
  if (name === '') throw new Error(`invalid label '${value}': empty name`);
  if (/[ \t]/.test(name)) throw new Error(`label '${name}' contains whitespaces`);
  return value;
}

/**
 * The lines of an `--env-file` or `--label-file`. With `inherit` a name without a value is taken from this process's
 * environment, and left out when it is not set there.
 */
function readKeyValueFile(path: string, inherit: boolean): string[] {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const why =
      code === 'ENOENT'
        ? 'no such file or directory'
        : code === 'EISDIR'
          ? 'is a directory'
          : messageOf(error);
    throw new CliError(`${code === 'EISDIR' ? 'read' : 'open'} ${path}: ${why}`);
  }
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const found: string[] = [];
  let text = '';
  try {
    text = decoder.decode(bytes);
  } catch {
    const lines = bytes.toString('latin1').split('\n');
    const bad = lines.findIndex((line) => !isUtf8(Buffer.from(line, 'latin1')));
    throw new CliError(
      `env file ${path} contains invalid utf8 bytes at line ${bad + 1}: [${[...Buffer.from(lines[bad] ?? '', 'latin1')].join(' ')}]`,
    );
  }
  for (const raw of text.replace(/^\uFEFF/, '').split('\n')) {
    const line = raw.replace(/\r$/, '').trimStart();
    if (line === '' || line.startsWith('#')) continue;
    const [name, value] = cut(line, '=');
    if (/[ \t]/.test(name))
      throw new CliError(`poorly formatted environment: variable '${name}' contains whitespaces`);
    if (name === '') throw new CliError(`poorly formatted environment: no variable name on line '${line}'`);
    if (value !== undefined) found.push(`${name}=${value}`);
    else if (!inherit) continue;
    else if (process.env[line] !== undefined) found.push(`${name}=${process.env[line]}`);
  }
  return found;
}

function isUtf8(bytes: Buffer): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}

/** The pairs of all files, then those of the command line, which win. */
export function keyValues(files: readonly string[], given: readonly string[], inherit: boolean): string[] {
  return [...files.flatMap((file) => readKeyValueFile(file, inherit)), ...given];
}

/** `key=value` strings as an object; the last of a key wins, a bare key has an empty value. */
export function toMap(pairs: readonly string[]): Record<string, string> {
  const map: Record<string, string> = {};
  for (const pair of pairs) {
    const [key, value] = cut(pair, '=');
    map[key] = value ?? '';
  }
  return map;
}
