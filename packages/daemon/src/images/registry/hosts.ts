import { lookup } from 'node:dns/promises';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import ipaddr from 'ipaddr.js';
import { BerthError, invalidParameter, systemError } from '../../base/errors.ts';
import { readBounded } from '../../base/files/bounded-file.ts';
import { log } from '../../base/log.ts';
import type { Settings } from '../../config/settings.ts';
import type { HostEntry } from './hosts-file.ts';
import { inNetwork } from './proxy.ts';
import type { Trust } from './transport.ts';

/** One address under which a registry's content can be had. */
export interface Endpoint {
  /** scheme://host[:port][/prefix], without a slash at the end; `/v2/` follows. */
  base: string;
  /** The host answers for the registry but is not the registry: credentials do not go there. */
  mirror: boolean;
}

const DOCKER_HOST = 'registry-1.docker.io';
const LOOPBACK = ['127.0.0.0/8', '::1/128'];

/** Folders with one folder per registry host: Docker's own layout, and ours with the same. */
const CERTIFICATE_FOLDERS = ['/etc/berth/certs.d', '/etc/docker/certs.d'];

export type HostSettings = Pick<Settings, 'insecureRegistries' | 'registryMirrors'>;

/** The addresses of registries and how far they are trusted. */
export class Hosts {
  private readonly settings: HostSettings;
  private readonly folders: readonly string[];
  /** Trust that a hosts.toml gives its mirrors, by host. */
  private readonly given = new Map<string, Trust>();

  constructor(settings: HostSettings, folders: readonly string[] = CERTIFICATE_FOLDERS) {
    this.settings = settings;
    this.folders = folders;
  }

  /** The addresses to try for a domain (`docker.io`, `host:5000`), in order: mirrors first when pulling. @throws invalid-parameter for no host. */
  async endpoints(domain: string, purpose: 'pull' | 'push'): Promise<Endpoint[]> {
    if (!URL.canParse(`https://${domain}`))
      throw invalidParameter(`invalid registry host ${JSON.stringify(domain)}`);
    const own = await this.own(domain);
    if (purpose === 'push') return own;
    const mirrors: Endpoint[] = [];
    if (domain === 'docker.io')
      for (const mirror of this.settings.registryMirrors)
        mirrors.push({ base: mirror.replace(/\/+$/, ''), mirror: true });
    mirrors.push(...(await this.fileMirrors(domain)));
    return [...mirrors, ...own];
  }

  private async own(domain: string): Promise<Endpoint[]> {
    const host = domain === 'docker.io' ? DOCKER_HOST : domain;
    const secure = { base: `https://${host}`, mirror: false };
    return (await this.isInsecure(host)) ? [secure, { base: `http://${host}`, mirror: false }] : [secure];
  }

  private async fileMirrors(domain: string): Promise<Endpoint[]> {
    for (const folder of this.folders) {
      const place = join(folder, domain);
      const text = hostsText(join(place, 'hosts.toml'));
      if (text === undefined) continue;
      const found = [];
      for (const host of await hostsIn(join(place, 'hosts.toml'), text)) {
        const url = URL.parse(host.url);
        if (!url || !host.pull) continue;
        const read = (name: string) => readBounded(name.startsWith('/') ? name : join(place, name), FILE_MAX);
        this.given.set(url.host, {
          insecure: host.skipVerify,
          ca: host.ca.map(read),
          ...(host.client ? { client: { cert: read(host.client[0]), key: read(host.client[1]) } } : {}),
        });
        found.push({ base: host.url.replace(/\/+$/, '').replace(/\/v2$/, ''), mirror: true });
      }
      return found;
    }
    return [];
  }

  /**
   * Whether a registry may be spoken to without verified TLS: it is named so, or lies in such a network. The machine
   * itself always may, as with dockerd.
   */
  async isInsecure(host: string): Promise<boolean> {
    const named = this.settings.insecureRegistries;
    const bare = new URL(`http://${host}`).hostname.replace(/^\[|\]$/g, '');
    if (named.includes(host) || named.includes(bare)) return true;
    const networks = [...LOOPBACK, ...named.filter((entry) => entry.includes('/'))];
    const inside = (text: string) => {
      const address = ipaddr.process(text);
      return networks.some((network) => inNetwork(address, network));
    };
    if (ipaddr.isValid(bare)) return inside(bare);
    // Without networks of its own only the loopback's can match, which no public registry's name leads to.
    if (bare === DOCKER_HOST && networks.length === LOOPBACK.length) return false;
    const addresses = await lookup(bare, { all: true }).catch(() => []);
    return addresses.some(({ address }) => inside(address));
  }

  /**
   * The trust in a host: the `*.crt` of its folder are authorities, `*.cert` with `*.key` our own certificate.
   * @throws system when a certificate has no key or the other way round, with dockerd's text.
   */
  async trust(host: string): Promise<Trust> {
    const given = this.given.get(host);
    const trust: Trust = given
      ? { ...given, ca: [...given.ca] }
      : { insecure: await this.isInsecure(host), ca: [] };
    for (const name of new Set([
      host,
      host.replace(/:443$/, ''),
      ...(host === DOCKER_HOST ? ['docker.io'] : []),
    ]))
      for (const folder of this.folders) await readCertificates(join(folder, name), trust);
    return trust;
  }
}

/** The most bytes of one of the files. */
const FILE_MAX = 1024 * 1024;

/** The text of a hosts.toml; undefined where there is none. */
function hostsText(path: string): string | undefined {
  try {
    return readBounded(path, FILE_MAX).toString();
  } catch (error) {
    if (error instanceof BerthError) throw error;
    return undefined;
  }
}

/** @throws system naming the file, where it is no TOML: a mirror must not be passed over by a slip of the pen. */
async function hostsIn(file: string, text: string): Promise<HostEntry[]> {
  const { parseHosts } = await import('./hosts-file.ts');
  try {
    return parseHosts(text);
  } catch (error) {
    throw systemError(`failed to parse ${file}: ${(error as Error).message}`, error);
  }
}

async function readCertificates(folder: string, trust: Trust): Promise<void> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR')
      log.warn({ folder, err: error }, 'the certificates of a registry cannot be read');
    return [] as string[];
  });
  for (const name of names.sort()) {
    if (name.endsWith('.crt')) trust.ca.push(readBounded(join(folder, name), FILE_MAX));
    if (name.endsWith('.cert')) {
      const key = name.replace(/\.cert$/, '.key');
      if (!names.includes(key))
        throw systemError(
          `missing key ${key} for client certificate ${name}. CA certificates must use the extension .crt`,
        );
      trust.client = {
        cert: readBounded(join(folder, name), FILE_MAX),
        key: readBounded(join(folder, key), FILE_MAX),
      };
    }
    if (name.endsWith('.key') && !names.includes(name.replace(/\.key$/, '.cert')))
      throw systemError(`missing client certificate ${name.replace(/\.key$/, '.cert')} for key ${name}`);
  }
}
