import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import { systemError } from '../../base/errors.ts';
import { compileFilter } from './compile.ts';
import { DEFAULT_PROFILE } from './default.ts';
import { goArch, resolveProfile, type SeccompFilter, type SeccompProfile } from './profile.ts';

export type { SeccompFilter, SeccompProfile };

/** Changes when the compiler does, so that filters of an older daemon are not taken for its own. */
const FORMAT = 2;

/** Filters of containers: resolved from profiles, compiled once, kept as files under exec-root. */
export class Seccomp {
  readonly #folder: string;
  readonly #machine = { arch: goArch(process.arch), kernel: release() };
  /** By profile text and capabilities; the usual start finds its filter here without looking at the profile. */
  readonly #resolved = new Map<string, SeccompFilter>();
  readonly #paths = new WeakMap<SeccompFilter, string>();
  readonly #builtin: SeccompProfile | null;

  /**
   * @param folder where compiled filters are kept.
   * @param daemonProfile `--seccomp-profile`: builtin, unconfined, or a file with a profile.
   * @throws system when the file can't be read or is not a profile.
   */
  constructor(folder: string, daemonProfile: string) {
    this.#folder = folder;
    if (daemonProfile === '' || daemonProfile === 'builtin') this.#builtin = DEFAULT_PROFILE;
    else if (daemonProfile === 'unconfined') this.#builtin = null;
    else this.#builtin = parseProfile(readFileSync(daemonProfile, 'utf8'));
  }

  /**
   * The filter of a container; undefined: none.
   * @param option the container's own: '' for the daemon's, `builtin`, `unconfined`, or a profile's JSON.
   * @throws system in dockerd's words for a profile that can't be used.
   */
  filter(option: string, capabilities: string[]): SeccompFilter | undefined {
    if (option === 'unconfined' || (option === '' && !this.#builtin)) return undefined;
    const key = `${capabilities.join()}\n${option}`;
    const known = this.#resolved.get(key);
    if (known) return known;
    const profile =
      option === '' ? this.#builtin! : option === 'builtin' ? DEFAULT_PROFILE : parseProfile(option);
    let filter: SeccompFilter;
    try {
      filter = resolveProfile(profile, capabilities, this.#machine);
    } catch (error) {
      throw systemError((error as Error).message, error);
    }
    if (this.#resolved.size >= 256) this.#resolved.clear();
    this.#resolved.set(key, filter);
    return filter;
  }

  /**
   * The file with the filter's instructions.
   * @throws system for a filter that can't be compiled.
   */
  file(filter: SeccompFilter): string {
    let path = this.#paths.get(filter);
    if (path && existsSync(path)) return path;
    path = join(this.#folder, `${digest(filter)}.bpf`);
    if (!existsSync(path)) this.#compile(filter, path);
    this.#paths.set(filter, path);
    return path;
  }

  #compile(filter: SeccompFilter, path: string): void {
    let program: Buffer;
    try {
      program = compileFilter(filter);
    } catch (error) {
      throw systemError(
        `failed to create task for container: failed to create shim task: OCI runtime create failed: runc create failed: ${(error as Error).message}: unknown`,
        error,
      );
    }
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    // Written aside: another daemon's start may look at the same moment.
    const aside = `${path}.${process.pid}`;
    writeFileSync(aside, program, { mode: 0o600 });
    renameSync(aside, path);
  }
}

function digest(filter: SeccompFilter): string {
  return createHash('sha256')
    .update(`${FORMAT} ${process.arch} ${JSON.stringify(filter)}`)
    .digest('hex');
}

function parseProfile(text: string): SeccompProfile {
  try {
    const profile = JSON.parse(text) as SeccompProfile;
    if (typeof profile !== 'object' || profile === null) throw new Error('not an object');
    return profile;
  } catch (error) {
    throw systemError(`Decoding seccomp profile failed: ${goJsonError(text, error as Error)}`, error);
  }
}

/** The commonest of Go's words for what is wrong in a JSON text. */
function goJsonError(text: string, error: Error): string {
  return /end of JSON input|Unterminated|Expected .* after|Expected property name/.test(error.message) &&
    !/[}\]]\s*$/.test(text)
    ? 'unexpected end of JSON input'
    : error.message;
}
