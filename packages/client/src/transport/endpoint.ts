import { CliError } from '../base/errors.ts';

/** The address of the daemon, and how to speak to it. */
export interface Endpoint {
  /** As the user wrote it, for messages: `unix:///run/berth/berth.sock`. */
  readonly host: string;
  readonly scheme: 'unix' | 'tcp' | 'ssh';
  /** Path of the socket, host name, or `[user@]host` of ssh. */
  readonly address: string;
  readonly port?: number;
  /** Prefix of every path, for a daemon behind a proxy. */
  readonly base: string;
  readonly tls?: TlsFiles;
}

/** PEM files or their contents; without `verify` any certificate of the daemon is accepted. */
export interface TlsFiles {
  readonly ca?: string | Buffer;
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  readonly verify: boolean;
}

export const defaultSocket = '/run/berth/berth.sock';
export const defaultHost = `unix://${defaultSocket}`;

const badAddress = (host: string) => new CliError(`unable to parse docker host \`${host}\``);

/**
 * Reads `unix:///path`, `tcp://host:port`, `http(s)://host:port` or `ssh://[user@]host[:port]`; without a scheme it
 * is tcp. Throws CliError with what is wrong.
 */
export function parseHost(text: string, tls?: TlsFiles): Endpoint {
  const host = text.trim();
  if (host === '') return parseHost(defaultHost, tls);
  const scheme = host.includes('://') ? host.slice(0, host.indexOf('://')) : 'tcp';
  const rest = host.includes('://') ? host.slice(host.indexOf('://') + 3) : host;
  switch (scheme) {
    case 'unix':
      if (rest.includes('://')) throw badAddress(host);
      return { host: `unix://${rest || defaultSocket}`, scheme, address: rest || defaultSocket, base: '' };
    case 'ssh': {
      const match = /^((?:[^@/\s]+@)?(?:\[[0-9a-fA-F:]+\]|[^:/@\s]+))(?::(\d+))?(\/.*)?$/.exec(rest);
      if (!match) throw new CliError(`invalid ssh host: ${host}: expected ssh://[user@]host[:port]`);
      // A host that starts with a dash would be an option of ssh.
      if (match[1]!.startsWith('-') || /@-/.test(match[1]!)) throw new CliError(`invalid ssh host: ${host}`);
      return {
        host,
        scheme,
        address: match[1]!,
        ...(match[2] ? { port: Number(match[2]) } : {}),
        base: '',
      };
    }
    case 'tcp':
    case 'http':
    case 'https': {
      const slash = rest.indexOf('/');
      const place = slash < 0 ? rest : rest.slice(0, slash);
      const match = /^(\[[0-9a-fA-F:]+\]|[^:]*)(?::(\d+))?$/.exec(place);
      if (!match) throw new CliError(`invalid bind address format: ${host}`);
      const secured = scheme === 'https' ? (tls ?? { verify: true }) : tls;
      const port = match[2] ? Number(match[2]) : secured ? 2376 : scheme === 'http' ? 80 : 2375;
      if (port > 65535) throw new CliError(`invalid bind address format: ${host}`);
      return {
        host: scheme === 'tcp' ? `tcp://${match[1] || 'localhost'}:${port}` : host,
        scheme: 'tcp',
        address: (match[1] || 'localhost').replace(/^\[|\]$/g, ''),
        port,
        base: slash < 0 ? '' : rest.slice(slash).replace(/\/$/, ''),
        ...(secured ? { tls: secured } : {}),
      };
    }
    default:
      throw badAddress(host);
  }
}
