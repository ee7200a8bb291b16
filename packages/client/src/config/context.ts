import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CliError, messageOf } from '../base/errors.ts';
import { type Endpoint, parseHost } from '../transport/endpoint.ts';
import { ConfigFile } from './file.ts';

/** The name that always exists: the host of options and environment, else the default socket. */
export const defaultContext = 'default';

/** One context as its `meta.json` holds it. */
export interface Context {
  Name: string;
  Metadata: { Description?: string; [other: string]: unknown };
  Endpoints: Record<string, ContextEndpoint>;
}

export interface ContextEndpoint {
  Host?: string;
  SkipTLSVerify: boolean;
  [other: string]: unknown;
}

/** The PEM files of an endpoint by their names (`ca.pem`, `cert.pem`, `key.pem`). */
export type TlsMaterial = Record<string, Buffer>;

/** The endpoint that this client, and Docker's, speaks to. */
const dockerEndpoint = 'docker';
const namePattern = /^[a-zA-Z0-9][a-zA-Z0-9_.+-]+$/;

/** Checks the name of a context to be made. Throws CliError with Docker's reason. */
export function checkContextName(name: string): void {
  if (name === '') throw new CliError('context name cannot be empty');
  if (name === defaultContext) throw new CliError('"default" is a reserved context name');
  if (!namePattern.test(name))
    throw new CliError(
      `context name "${name}" is invalid, names are validated against regexp "${namePattern.source}"`,
    );
}

/** A folder may not be reached through a name read from elsewhere. */
function checkPart(part: string): string {
  if (part === '' || part === '.' || part === '..' || /[/\0]/.test(part))
    throw new CliError(`context holds a file with an invalid name ${JSON.stringify(part)}`);
  return part;
}

/**
 * Contexts in Docker's layout: `contexts/meta/SHA256(name)/meta.json` describes one, and
 * `contexts/tls/SHA256(name)/ENDPOINT/*.pem` holds its keys. A second folder (Docker's own) is read and never written.
 */
export class ContextStore {
  readonly folder: string;
  private readonly alsoRead: string | undefined;

  constructor(folder: string, alsoRead?: string) {
    this.folder = folder;
    this.alsoRead = alsoRead === folder ? undefined : alsoRead;
  }

  private static idOf(name: string): string {
    return createHash('sha256').update(name).digest('hex');
  }

  /** The file of a context's description, which need not exist. */
  metadataPath(name: string, folder = this.home(name)): string {
    return join(folder, 'contexts', 'meta', ContextStore.idOf(name));
  }

  /** The folder of a context's keys, which need not exist. */
  tlsPath(name: string, folder = this.home(name)): string {
    return join(folder, 'contexts', 'tls', ContextStore.idOf(name));
  }

  /** The folder that has the context: Docker's only when the own one has not. */
  private home(name: string): string {
    const has = (folder: string): boolean =>
      existsSync(join(folder, 'contexts', 'meta', ContextStore.idOf(name), 'meta.json'));
    return this.alsoRead !== undefined && !has(this.folder) && has(this.alsoRead)
      ? this.alsoRead
      : this.folder;
  }

  has(name: string): boolean {
    return existsSync(join(this.metadataPath(name), 'meta.json'));
  }

  /** All contexts but the default one, by name. Broken ones are left out. */
  list(): Context[] {
    const found = new Map<string, Context>();
    for (const folder of this.alsoRead === undefined ? [this.folder] : [this.alsoRead, this.folder]) {
      let ids: string[] = [];
      try {
        ids = readdirSync(join(folder, 'contexts', 'meta'));
      } catch {
        // no context was ever made there
      }
      for (const id of ids)
        try {
          const context = this.read(join(folder, 'contexts', 'meta', id, 'meta.json'));
          found.set(context.Name, context);
        } catch {
          // half-written, or not a context at all
        }
    }
    return [...found.values()].sort((a, b) => (a.Name < b.Name ? -1 : 1));
  }

  private read(path: string): Context {
    const data = JSON.parse(readFileSync(path, 'utf8')) as Partial<Context>;
    if (typeof data !== 'object' || data === null || typeof data.Name !== 'string')
      throw new Error(`${path} describes no context`);
    return { Name: data.Name, Metadata: data.Metadata ?? {}, Endpoints: data.Endpoints ?? {} };
  }

  /** The description of a context. Throws CliError when there is none. */
  get(name: string): Context {
    const path = join(this.metadataPath(name), 'meta.json');
    try {
      return this.read(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT')
        throw new CliError(`context "${name}": context not found: open ${path}: no such file or directory`);
      throw new CliError(`context "${name}": ${messageOf(error)}`);
    }
  }

  /** The keys of all endpoints of a context. */
  tls(name: string): Record<string, TlsMaterial> {
    const folder = this.tlsPath(name);
    const all: Record<string, TlsMaterial> = {};
    let endpoints: string[] = [];
    try {
      endpoints = readdirSync(folder);
    } catch {
      return all;
    }
    for (const endpoint of endpoints) {
      const material: TlsMaterial = {};
      for (const file of readdirSync(join(folder, endpoint)))
        material[file] = readFileSync(join(folder, endpoint, file));
      all[endpoint] = material;
    }
    return all;
  }

  /** Writes a new context. Throws CliError when the name is bad or taken. */
  create(context: Context, tls: Record<string, TlsMaterial> = {}): void {
    checkContextName(context.Name);
    if (this.has(context.Name)) throw new CliError(`context "${context.Name}" already exists`);
    this.write(context, tls);
  }

  /** Writes a context over the one of its name, with the keys it shall have from now on. */
  update(context: Context, tls: Record<string, TlsMaterial>): void {
    this.get(context.Name);
    this.write(context, tls);
  }

  private write(context: Context, tls: Record<string, TlsMaterial>): void {
    const { Name: name } = context;
    try {
      const keys = this.tlsPath(name, this.folder);
      rmSync(keys, { recursive: true, force: true });
      for (const [endpoint, material] of Object.entries(tls)) {
        if (Object.keys(material).length === 0) continue;
        const folder = join(keys, checkPart(endpoint));
        mkdirSync(folder, { recursive: true, mode: 0o700 });
        for (const [file, content] of Object.entries(material))
          writeFileSync(join(folder, checkPart(file)), content, { mode: 0o600 });
      }
      // Last, and whole at once: a context that can be seen is complete.
      const folder = this.metadataPath(name, this.folder);
      mkdirSync(folder, { recursive: true, mode: 0o755 });
      const aside = join(folder, `.meta.json.${process.pid}`);
      writeFileSync(aside, JSON.stringify(context), { mode: 0o644 });
      renameSync(aside, join(folder, 'meta.json'));
    } catch (error) {
      if (error instanceof CliError) throw error;
      throw new CliError(messageOf(error));
    }
  }

  /** Forgets a context and its keys. Throws CliError when it does not exist or is not ours. */
  remove(name: string): void {
    if (!this.has(name)) throw new CliError(`context "${name}" does not exist`);
    if (this.home(name) !== this.folder)
      throw new CliError(`context "${name}" belongs to Docker's client, in ${this.alsoRead}`);
    rmSync(this.metadataPath(name), { recursive: true, force: true });
    rmSync(this.tlsPath(name), { recursive: true, force: true });
  }

  /** Makes a context the one in use from now on. */
  use(name: string): void {
    if (name !== defaultContext) this.get(name);
    const config = ConfigFile.load(this.folder, () => undefined);
    if (name === defaultContext) delete config.data.currentContext;
    else config.data.currentContext = name;
    config.save();
  }

  /** The context that `use` chose, whatever options and environment say. */
  chosen(): string {
    return ConfigFile.load(this.folder, () => undefined).data.currentContext || defaultContext;
  }

  /** How to reach the daemon of a context. Throws CliError. */
  endpoint(name: string): Endpoint {
    const { Endpoints } = this.get(name);
    const described = Endpoints[dockerEndpoint];
    if (!described) throw new CliError(`docker endpoint not found in context "${name}"`);
    const keys = this.tls(name)[dockerEndpoint];
    const secured = keys !== undefined || described.SkipTLSVerify;
    return parseHost(
      described.Host ?? '',
      secured
        ? {
            verify: !described.SkipTLSVerify,
            ca: keys?.['ca.pem'],
            cert: keys?.['cert.pem'],
            key: keys?.['key.pem'],
          }
        : undefined,
    );
  }
}
