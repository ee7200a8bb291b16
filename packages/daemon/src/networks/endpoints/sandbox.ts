import { createHash } from 'node:crypto';
import {
  closeSync,
  fchmodSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { BerthError } from '../../base/errors.ts';
import { readBounded } from '../../base/files/bounded-file.ts';
import { log } from '../../base/log.ts';
import type { NetworkRequest } from '../api.ts';
import type { ContainerRecord } from '../model/records.ts';
import {
  hostResolvConf,
  hostsFile,
  hostsLine,
  ownNames,
  type ResolverChoice,
  type ResolverKind,
  resolvConf,
} from './files.ts';

/**
 * The file that the name service in a container's supervisor follows: see c/dns/dns.h. It is read again when it
 * changes.
 */
export interface SandboxFile {
  /** Servers asked from inside the container's namespace. */
  upstreams: string[];
  /** A resolver configuration whose servers are asked from the host's namespace; '': none. */
  resolvConf: string;
  /** The networks it is on: their names files, and the names that only this container has for others there. */
  networks: Array<{ names: string; links: ReadonlyArray<readonly [alias: string, name: string]> }>;
  /** Names of an egress policy, with what they open: see c/dns/egress.h. */
  egress: string[];
  /** The firewall's table, and the container's addresses in it. */
  egressFrom: { table: string; addresses: string[] };
}

/** One name on a network and its addresses. */
export interface NameEntry {
  name: string;
  ipv4: string;
  ipv6: string;
}

/** The folder of these files. All are replaced in one step, never written in place. */
export class SandboxFolder {
  readonly path: string;
  readonly #namespaces: string;

  constructor(execRoot: string) {
    this.#namespaces = join(execRoot, 'netns');
    mkdirSync(this.#namespaces, { recursive: true, mode: 0o700 });
    this.path = join(execRoot, 'networks');
    mkdirSync(this.path, { recursive: true, mode: 0o700 });
  }

  sandbox = (id: string) => join(this.path, `${id}.sandbox`);
  names = (networkId: string) => join(this.path, `${networkId}.names`);

  writeSandbox(id: string, file: SandboxFile): void {
    const lines: string[] = [];
    for (const { names, links } of file.networks) {
      lines.push(`names ${names}`);
      for (const [alias, name] of links) lines.push(`link ${alias} ${name}`);
    }
    for (const server of file.upstreams) lines.push(`upstream ${server}`);
    if (file.resolvConf) lines.push(`resolvconf ${file.resolvConf}`);
    for (const line of file.egress) lines.push(`egress ${line}`);
    if (file.egress.length > 0)
      for (const address of file.egressFrom.addresses)
        lines.push(`egress-from ${file.egressFrom.table} ${address}`);
    this.#replace(this.sandbox(id), `${lines.join('\n')}\n`);
  }

  writeNames(networkId: string, networkName: string, entries: Iterable<NameEntry>): void {
    // Fields of this file end at blanks: such a name is not looked up.
    let text = `network ${networkName.replace(/\s.*/s, '')}\n`;
    for (const { name, ipv4, ipv6 } of entries) text += `${name} ${ipv4 || '-'} ${ipv6 || '-'}\n`;
    this.#replace(this.names(networkId), text);
  }

  /** Path by which others enter a sandbox (`nsenter --net=`), `SandboxKey` of an inspect. */
  key = (sandboxId: string) => join(this.#namespaces, sandboxId.slice(0, 12));
  /** The same of the host's own network. */
  get hostKey(): string {
    return join(this.#namespaces, 'default');
  }

  /** Makes a key lead to a process's network namespace, for as long as the process lives: a link costs no mount. */
  linkKey(path: string, pid: number): void {
    const target = `/proc/${pid}/ns/net`;
    try {
      symlinkSync(target, path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      symlinkSync(target, `${path}.new`);
      renameSync(`${path}.new`, path);
    }
  }

  removeKey(sandboxId: string): void {
    this.#remove(this.key(sandboxId));
  }

  removeSandbox(id: string): void {
    this.#remove(this.sandbox(id));
  }

  removeNames(networkId: string): void {
    this.#remove(this.names(networkId));
  }

  /** Interfaces and addresses are given back all the same where a file stays: the next start sweeps. */
  #remove(path: string): void {
    try {
      rmSync(path, { force: true });
    } catch (error) {
      log.warn({ err: error, path }, 'a file of the networks stays until the next start');
    }
  }

  /** Removes the files of what is not there any more. */
  sweep(sandboxes: ReadonlySet<string>, networks: ReadonlySet<string>, sandboxIds: Iterable<string>): void {
    const keys = new Set([this.hostKey, ...[...sandboxIds].map(this.key)]);
    for (const name of readdirSync(this.#namespaces)) {
      const path = join(this.#namespaces, name);
      if (!keys.has(path)) rmSync(path, { force: true });
    }
    for (const file of readdirSync(this.path)) {
      const [name, kind] = file.split('.');
      if (kind === 'sandbox' && sandboxes.has(name!)) continue;
      if (kind === 'names' && networks.has(name!)) continue;
      if (kind === 'sandbox' || kind === 'names') rmSync(join(this.path, file), { force: true });
    }
  }

  #replace(path: string, text: string): void {
    writeFileSync(`${path}.new`, text, { mode: 0o600 });
    renameSync(`${path}.new`, path);
  }
}

/** A container's choice for resolv.conf: its own, else the daemon's. */
export function resolverChoice(
  request: NetworkRequest,
  settings: { dns: string[]; dnsSearch: string[]; dnsOpts: string[] },
): ResolverChoice {
  const first = (own: string[] | undefined, fallback: string[]) => (own?.length ? own : fallback);
  return {
    dns: first(request.dns, settings.dns),
    search: first(request.dnsSearch, settings.dnsSearch),
    options: first(request.dnsOptions, settings.dnsOpts),
  };
}

export { hostResolvConf, type ResolverChoice };

/** A container can make its own files any size; the daemon reads no larger ones. */
const MOST_BYTES = 256 * 1024;

const digest = (text: string) => createHash('sha256').update(text).digest('base64');

/**
 * Writes into the file that a container has bind-mounted: never replaces it. Every user of a container may read these
 * files, whatever the daemon's own umask.
 */
function write(path: string, text: string): void {
  let file: number;
  try {
    file = openSync(path, 'w');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    mkdirSync(join(path, '..'), { recursive: true, mode: 0o710 });
    file = openSync(path, 'w');
  }
  try {
    fchmodSync(file, 0o644);
    writeFileSync(file, text);
  } finally {
    closeSync(file);
  }
}

/** Writes resolv.conf unless the user changed what we wrote; returns the hash that says so the next time. */
export function writeResolvConf(
  record: ContainerRecord,
  kind: ResolverKind,
  choice: ResolverChoice,
  hasIpv6: boolean,
): string {
  const path = join(record.request.folder, 'resolv.conf');
  if (record.resolvHash) {
    try {
      const text = readBounded(path, MOST_BYTES, false).toString();
      if (digest(text) !== record.resolvHash) return record.resolvHash;
    } catch (error) {
      // Too large is changed by the container; else it is not there yet.
      if (error instanceof BerthError) return record.resolvHash;
    }
  }
  const text = resolvConf(kind, choice, hostResolvConf(), hasIpv6);
  write(path, text);
  return digest(text);
}

export interface HostsContent {
  extra: ReadonlyArray<readonly [string, string]>;
  links: ReadonlyArray<readonly [string, string]>;
  own: readonly string[];
}

/** Writes hosts and hostname for a start. In the host's namespace the host's own files hold. */
export function writeHosts({ request }: ContainerRecord, content: HostsContent, isHost: boolean): void {
  const { hostname: name, domainname, folder } = request;
  const names = ownNames(name, domainname);
  let text: string | undefined;
  if (isHost && content.extra.length === 0) {
    try {
      text = readFileSync('/etc/hosts', 'utf8');
    } catch {
      // a host without the file
    }
  }
  write(join(folder, 'hosts'), text ?? hostsFile(content.extra, content.links, content.own, names));
  write(join(folder, 'hostname'), `${name || hostname()}\n`);
}

/**
 * Changes lines of a running container's hosts file, leaving what the container wrote there. A line to remove whose
 * address is '' is meant whatever its address.
 */
export function editHosts(
  request: NetworkRequest,
  change: { remove: ReadonlyArray<readonly [string, string]>; add: ReadonlyArray<readonly [string, string]> },
): void {
  const path = join(request.folder, 'hosts');
  let text: string;
  try {
    text = readBounded(path, MOST_BYTES, false).toString();
  } catch (error) {
    if (error instanceof BerthError)
      log.warn(
        { err: error, path },
        'a container made its hosts file too large: its names are not kept up there',
      );
    return;
  }
  const gone = new Set(change.remove.map(([address, names]) => hostsLine(address, names)));
  const lines = text
    .split(/(?<=\n)/)
    .filter((line) => !gone.has(line) && !gone.has(line.slice(Math.max(0, line.indexOf('\t')))));
  write(path, lines.join('') + change.add.map(([address, names]) => hostsLine(address, names)).join(''));
}
