import { parseAddress, splitHostPort } from './address.ts';
import { integer, type Options } from './values.ts';

const BEST_SPEED = 1;

export interface GelfOptions {
  network: 'udp' | 'tcp';
  host: string;
  port: number;
  compression: 'gzip' | 'zlib' | 'none';
  level: number;
  /** How often a message that could not be written is tried again, and the pause before, in ms; undefined: until it can. */
  tries: number | undefined;
  pause: number;
}

/** @throws Error with dockerd's text */
export function parseGelf(options: Options): GelfOptions {
  const { scheme, host } = parsedAddress(options['gelf-address'] ?? '');
  for (const [key, value] of Object.entries(options)) check(key, value, scheme);
  const { host: name, port } = splitHostPort(host);
  const tries = options['gelf-tcp-max-reconnect'];
  return {
    network: scheme,
    host: name,
    port: Number(port),
    compression: (options['gelf-compression-type'] ?? 'gzip') as GelfOptions['compression'],
    level: Number(options['gelf-compression-level'] ?? BEST_SPEED),
    tries: tries === undefined ? undefined : Number(tries),
    pause: Number(options['gelf-tcp-reconnect-delay'] ?? 1) * 1000,
  };
}

function check(key: string, value: string, scheme: string): void {
  const number = integer(value);
  switch (key) {
    case 'gelf-address':
    case 'tag':
    case 'labels':
    case 'labels-regex':
    case 'env':
    case 'env-regex':
      return;
    case 'gelf-compression-level':
    case 'gelf-compression-type': {
      if (scheme !== 'udp') throw new Error('compression is only supported on UDP');
      const known = key.endsWith('type')
        ? ['gzip', 'zlib', 'none'].includes(value)
        : number !== undefined && number >= -1 && number <= 9;
      if (!known)
        throw new Error(
          `unknown value ${JSON.stringify(value)} for log opt ${JSON.stringify(key)} for gelf log driver`,
        );
      return;
    }
    case 'gelf-tcp-max-reconnect':
    case 'gelf-tcp-reconnect-delay':
      if (scheme !== 'tcp') throw new Error(`${JSON.stringify(key)} is only valid for TCP`);
      if (number === undefined || number < 0)
        throw new Error(`${JSON.stringify(key)} must be a positive integer`);
      return;
    default:
      throw new Error(`unknown log opt ${JSON.stringify(key)} for gelf log driver`);
  }
}

function parsedAddress(text: string): { scheme: 'udp' | 'tcp'; host: string } {
  if (text === '') throw new Error('gelf-address is a required parameter');
  const { scheme, host } = parseAddress(text);
  if (scheme !== 'udp' && scheme !== 'tcp') throw new Error('gelf: endpoint needs to be TCP or UDP');
  try {
    splitHostPort(host);
  } catch {
    throw new Error('gelf: please provide gelf-address as proto://host:port');
  }
  return { scheme, host };
}
