import {
  chmodSync,
  chownSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { CliError, messageOf } from '../base/errors.ts';

/** The members of Docker's `config.json` that this client reads; all others are kept as they are. */
export interface ConfigData {
  auths?: Record<string, StoredAuth>;
  credsStore?: string;
  credHelpers?: Record<string, string>;
  HttpHeaders?: Record<string, string>;
  psFormat?: string;
  imagesFormat?: string;
  networksFormat?: string;
  volumesFormat?: string;
  statsFormat?: string;
  detachKeys?: string;
  currentContext?: string;
  pruneFilters?: string[];
  proxies?: Record<string, ProxySettings>;
  [other: string]: unknown;
}

export interface StoredAuth {
  /** base64 of `user:password`. */
  auth?: string;
  identitytoken?: string;
  registrytoken?: string;
  username?: string;
  password?: string;
  email?: string;
}

export interface ProxySettings {
  httpProxy?: string;
  httpsProxy?: string;
  noProxy?: string;
  ftpProxy?: string;
  allProxy?: string;
}

/** Docker's client configuration, read when it is there and written back without losing what it does not know. */
export class ConfigFile {
  readonly path: string;
  readonly data: ConfigData;

  constructor(path: string, data: ConfigData) {
    this.path = path;
    this.data = data;
  }

  /** Reads `config.json` of a folder. A broken file is reported and taken for an empty one, as Docker does. */
  static load(folder: string, warn: (text: string) => void): ConfigFile {
    const path = join(folder, 'config.json');
    let text: string;
    try {
      text = readFileSync(path, 'utf8');
    } catch (error) {
      if (
        (error as NodeJS.ErrnoException).code !== 'ENOENT' &&
        (error as NodeJS.ErrnoException).code !== 'ENOTDIR'
      )
        warn(`WARNING: Error loading config file: ${messageOf(error)}\n`);
      return new ConfigFile(path, {});
    }
    try {
      const data: unknown = JSON.parse(text);
      if (typeof data === 'object' && data !== null && !Array.isArray(data))
        return new ConfigFile(path, data as ConfigData);
      throw new Error('it is not a JSON object');
    } catch (error) {
      warn(`WARNING: Error loading config file: ${path}: ${messageOf(error)}\n`);
      return new ConfigFile(path, {});
    }
  }

  get httpHeaders(): Record<string, string> {
    const headers: Record<string, string> = {};
    for (const [name, value] of Object.entries(this.data.HttpHeaders ?? {}))
      if (name.toLowerCase() !== 'user-agent') headers[name] = value;
    return headers;
  }

  /**
   * Writes the file aside and renames it over the old one, through a symbolic link if it is one, keeping mode and
   * owner. Throws CliError.
   */
  save(): void {
    try {
      mkdirSync(dirname(this.path), { recursive: true, mode: 0o700 });
      let target = this.path;
      let old: ReturnType<typeof statSync> | undefined;
      try {
        target = realpathSync(this.path);
        old = statSync(target);
      } catch {
        // the first one
      }
      const aside = `${target}.${process.pid}.${Date.now()}`;
      try {
        writeFileSync(aside, JSON.stringify(this.data, undefined, '\t'), { mode: 0o600, flag: 'wx' });
        if (old) {
          chmodSync(aside, Number(old.mode) & 0o777);
          try {
            chownSync(aside, Number(old.uid), Number(old.gid));
          } catch {
            // not root: the file is ours then
          }
        }
        renameSync(aside, target);
      } catch (error) {
        rmSync(aside, { force: true });
        throw error;
      }
    } catch (error) {
      throw new CliError(`Error saving credentials: ${messageOf(error)}`);
    }
  }

  /**
   * The proxy variables that containers and builds on `host` get from the file. A variable that the user gave
   * himself is left out, in either spelling.
   */
  proxyVariables(host: string, givenNames: ReadonlySet<string>): Record<string, string> {
    const settings = this.data.proxies?.[host] ?? this.data.proxies?.['default'];
    const variables: Record<string, string> = {};
    if (!settings) return variables;
    for (const [name, value] of [
      ['HTTP_PROXY', settings.httpProxy],
      ['HTTPS_PROXY', settings.httpsProxy],
      ['NO_PROXY', settings.noProxy],
      ['FTP_PROXY', settings.ftpProxy],
      ['ALL_PROXY', settings.allProxy],
    ] as const) {
      if (!value) continue;
      for (const spelling of [name, name.toLowerCase()])
        if (!givenNames.has(spelling)) variables[spelling] = value;
    }
    return variables;
  }
}
