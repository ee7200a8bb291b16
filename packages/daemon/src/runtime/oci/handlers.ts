import { execFile } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { invalidParameter, systemError } from '../../base/errors.ts';
import { log } from '../../base/log.ts';
import { OWN_RUNTIME, STOCK_RUNTIME as STOCK, STOCK_TYPES } from '../../config/runtimes.ts';
import type { Settings } from '../../config/settings.ts';

/** The program of another OCI runtime. */
export interface RuntimeProgram {
  path: string;
  /** Arguments before its commands. */
  args: string[];
}

/** A way to run containers, by the name that clients choose it by (`HostConfig.Runtime`, a handler of the CRI). */
export interface RuntimeHandler {
  name: string;
  /** Undefined: Berth's own. */
  program?: RuntimeProgram;
}

/** An entry of `Runtimes` in `/info`. */
export interface DescribedRuntime {
  path: string;
  runtimeArgs?: string[];
  /** The features document of the OCI specification, as text, under its name; absent where the program does not tell. */
  status?: Record<string, string>;
}

export interface RuntimeHandlers {
  /** The name of the handler of containers that name none. */
  readonly default: string;
  /** The names that can be asked for and are listed. */
  names(): string[];
  /** Whether a name may be asked for. @throws invalid-parameter in dockerd's words where it may not */
  check(name: string): void;
  /**
   * The handler of a name; '' is the default.
   * @throws invalid-parameter for a name that is not known, system in dockerd's words when its program is not there
   */
  resolve(name: string): RuntimeHandler;
  /**
   * The handler of a name or, where that is Berth's own, another that can apply what only OCI runtimes such as runc can: the
   * first of the registered ones, or else runc or crun where it is installed. Undefined where there is none.
   */
  resolveBeyond(
    name: string,
    field: 'hooks' | 'intelRdt' | 'netDevices',
  ): Promise<RuntimeHandler | undefined>;
  /** All of them, as clients are told of them. */
  describe(): Promise<Record<string, DescribedRuntime>>;
}

const FEATURES = 'org.opencontainers.runtime-spec.features';
/** Programs that stand in for Berth's own runtime where that can't do what a CDI device needs. */
const STAND_INS = ['runc', 'crun'];
const FEATURES_TIMEOUT = 5000; // milliseconds

const run = promisify(execFile);

/** Looks runtimes up in the settings, which may change while the daemon runs. */
export class Handlers implements RuntimeHandlers {
  readonly #settings: Pick<Settings, 'runtimes' | 'defaultRuntime'>;
  readonly #ownFeatures: () => Record<string, unknown>;
  /** Features as programs told them, by path, arguments and date of the file. */
  readonly #told = new Map<string, Promise<string | undefined>>();

  constructor(
    settings: Pick<Settings, 'runtimes' | 'defaultRuntime'>,
    ownFeatures: () => Record<string, unknown>,
  ) {
    this.#settings = settings;
    this.#ownFeatures = ownFeatures;
  }

  get default(): string {
    return this.#settings.defaultRuntime || (STOCK in this.#settings.runtimes ? OWN_RUNTIME : STOCK);
  }

  names(): string[] {
    const { runtimes } = this.#settings;
    return [...Object.keys(runtimes), ...this.#ownNames().filter((name) => !(name in runtimes))];
  }

  /** Berth's own names that are shown: `berth` only where `runc` means something else. */
  #ownNames(): string[] {
    return [STOCK in this.#settings.runtimes ? OWN_RUNTIME : STOCK, STOCK_TYPES[0]!];
  }

  check(name: string): void {
    if (!this.#isOwn(name) && !this.#registered(name) && !isShimName(name))
      throw invalidParameter(`unknown or invalid runtime name: ${name}`);
  }

  resolve(asked: string): RuntimeHandler {
    const name = asked || this.default;
    const registered = this.#registered(name);
    if (registered) {
      const { path, runtimeArgs } = registered;
      return { name, program: { path: findProgram(path), args: runtimeArgs } };
    }
    if (this.#isOwn(name)) return { name };
    this.check(name);
    throw systemError(
      `failed to create task for container: failed to start shim: failed to resolve runtime path: runtime ${JSON.stringify(name)} binary not installed ${JSON.stringify(shimOf(name))}: file does not exist: unknown`,
    );
  }

  async resolveBeyond(
    asked: string,
    field: 'hooks' | 'intelRdt' | 'netDevices',
  ): Promise<RuntimeHandler | undefined> {
    const handler = this.resolve(asked);
    const { runtimes } = this.#settings;
    const candidates: Array<{ name: string; program: RuntimeProgram }> = handler.program
      ? [{ name: handler.name, program: handler.program }]
      : [
          ...Object.entries(runtimes).map(([name, { path, runtimeArgs }]) => ({
            name,
            program: { path, args: runtimeArgs },
          })),
          ...STAND_INS.map((name) => ({ name, program: { path: name, args: [] } })),
        ];
    for (const candidate of candidates) {
      try {
        const program = { ...candidate.program, path: findProgram(candidate.program.path) };
        // Runtimes that know hooks are older than the document of features; network devices are younger.
        if (field !== 'netDevices' || hasNetDevices(await this.#featuresOf(program)))
          return { name: candidate.name, program };
      } catch {
        // The program is not installed; perhaps the next one is.
      }
    }
    return undefined;
  }

  #isOwn(name: string): boolean {
    return name === OWN_RUNTIME || name === STOCK || STOCK_TYPES.includes(name);
  }

  /** By its name, or by containerd's form of it: `io.containerd.NAME.v2`. */
  #registered(name: string) {
    const { runtimes } = this.#settings;
    if (Object.hasOwn(runtimes, name)) return runtimes[name];
    const short = /^io\.containerd\.([^.]+)\.v\d+$/.exec(name)?.[1];
    return short !== undefined && short !== STOCK && Object.hasOwn(runtimes, short)
      ? runtimes[short]
      : undefined;
  }

  async describe(): Promise<Record<string, DescribedRuntime>> {
    const { runtimes } = this.#settings;
    const own = {
      path: 'berth-native',
      status: { [FEATURES]: JSON.stringify(this.#ownFeatures()) },
    };
    const entries = await Promise.all(
      this.names().map(async (name): Promise<[string, DescribedRuntime]> => {
        const settings = Object.hasOwn(runtimes, name) ? runtimes[name] : undefined;
        if (!settings) return [name, own];
        const { path, runtimeArgs } = settings;
        const features = await this.#featuresOf({ path, args: runtimeArgs });
        return [
          name,
          {
            path,
            ...(runtimeArgs.length > 0 && { runtimeArgs }),
            ...(features !== undefined && { status: { [FEATURES]: features } }),
          },
        ];
      }),
    );
    return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** Asks a program once, and again when another file stands in its place. */
  async #featuresOf(program: RuntimeProgram): Promise<string | undefined> {
    let path: string;
    let date: number;
    try {
      path = findProgram(program.path);
      date = statSync(path).mtimeMs;
    } catch {
      return undefined; // it may be installed later
    }
    const key = JSON.stringify([path, program.args, date]);
    let told = this.#told.get(key);
    if (!told) {
      told = askFeatures({ path, args: program.args });
      this.#told.set(key, told);
    }
    return told;
  }
}

function hasNetDevices(features: string | undefined): boolean {
  const { linux } = JSON.parse(features ?? '{}') as { linux?: { netDevices?: { enabled?: boolean } } };
  return linux?.netDevices?.enabled === true;
}

async function askFeatures({ path, args }: RuntimeProgram): Promise<string | undefined> {
  try {
    const { stdout } = await run(path, [...args, 'features'], { timeout: FEATURES_TIMEOUT });
    return JSON.stringify(JSON.parse(stdout));
  } catch (error) {
    log.debug(
      { runtime: path, reason: (error as Error).message.split('\n', 1)[0] },
      'no features of a runtime',
    );
    return undefined;
  }
}

/** Names that containerd would look for a shim by; dockerd lets them through until the start. */
function isShimName(name: string): boolean {
  const [first] = name.split('.');
  return !name.startsWith('/') && first !== '' && name.includes('.');
}

function shimOf(name: string): string {
  return `containerd-shim-${name.split('.').slice(-2).join('-')}`;
}

/**
 * The path of a program: a bare name is looked up in PATH.
 * @throws system in dockerd's words when it is not there or can't be run
 */
function findProgram(name: string): string {
  const failed = (why: string) =>
    systemError(
      `failed to create task for container: failed to create shim task: OCI runtime create failed: unable to retrieve OCI runtime error: ${why}: unknown`,
    );
  if (name.includes('/')) {
    try {
      if (!statSync(name).isFile()) throw failed(`fork/exec ${name}: permission denied`);
      accessSync(name, constants.X_OK);
      return name;
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === undefined || code === 'system') throw error;
      throw failed(
        `fork/exec ${name}: ${code === 'ENOENT' || code === 'ENOTDIR' ? 'no such file or directory' : 'permission denied'}`,
      );
    }
  }
  for (const folder of (process.env['PATH'] ?? '').split(':')) {
    const path = join(folder || '.', name);
    try {
      if (!statSync(path).isFile()) continue;
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // in the next one, perhaps
    }
  }
  throw failed(`exec: ${JSON.stringify(name)}: executable file not found in $PATH`);
}
