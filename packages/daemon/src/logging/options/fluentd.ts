import { formatDuration } from '../../base/durations.ts';
import { parseAddress } from './address.ts';
import { boolean, bytes, milliseconds, type Options, unsigned } from './values.ts';

export const FLUENTD_OPTIONS = [
  'env',
  'env-regex',
  'labels',
  'labels-regex',
  'tag',
  'fluentd-address',
  'fluentd-async',
  'fluentd-async-connect',
  'fluentd-async-reconnect-interval',
  'fluentd-buffer-limit',
  'fluentd-max-retries',
  'fluentd-read-timeout',
  'fluentd-request-ack',
  'fluentd-retry-wait',
  'fluentd-sub-second-precision',
  'fluentd-write-timeout',
];

const DEFAULT_HOST = '127.0.0.1';
const DEFAULT_PORT = 24224;
const RETRY_WAIT = 1000;
/** Milliseconds of the longest timer of Node. */
const LONGEST = 2 ** 31 - 1;

export interface FluentdOptions {
  network: 'tcp' | 'tls' | 'unix';
  host: string;
  port: number;
  path: string;
  /** The container may start where nobody answers at the address. */
  async: boolean;
  /** Milliseconds after which the connection is made anew, so that one address of several can be another; 0: never. */
  reconnect: number;
  /** Bytes that may wait while nobody answers; undefined: what the local copy holds. */
  limit: number | undefined;
  /** Milliseconds before the first try after one that failed. */
  retryWait: number;
  /** After so many tries a message is given up; undefined: never. */
  tries: number | undefined;
  subSeconds: boolean;
  acknowledge: boolean;
  /** Milliseconds that an acknowledgement, and that a message's way into the kernel, may take; 0: for ever. */
  readTimeout: number;
  writeTimeout: number;
}

/** @throws Error with dockerd's text */
export function parseFluentd(options: Options): FluentdOptions {
  const address = options['fluentd-address'] ?? '';
  let place: ReturnType<typeof location>;
  try {
    place = location(address);
  } catch (error) {
    throw new Error(`invalid fluentd-address (${address}): ${(error as Error).message}`);
  }
  const limit = bytes(options['fluentd-buffer-limit'], 0);
  const retryWait = milliseconds(options['fluentd-retry-wait'], RETRY_WAIT);
  const tries = unsigned(options['fluentd-max-retries'], 0);
  if (options['fluentd-async'] && options['fluentd-async-connect'])
    throw new Error("conflicting options: cannot specify both 'fluentd-async' and 'fluentd-async-connect");
  const async = boolean(options['fluentd-async']) || boolean(options['fluentd-async-connect']);
  const reconnect = interval(options['fluentd-async-reconnect-interval']);
  const subSeconds = boolean(options['fluentd-sub-second-precision']);
  const acknowledge = boolean(options['fluentd-request-ack']);
  return {
    ...place,
    async,
    reconnect: async ? reconnect : 0,
    limit: async && limit > 0 ? limit : undefined,
    retryWait,
    tries: tries > 0 ? tries : undefined,
    subSeconds,
    acknowledge,
    readTimeout: timeout(options, 'fluentd-read-timeout'),
    writeTimeout: timeout(options, 'fluentd-write-timeout'),
  };
}

function timeout(options: Options, name: string): number {
  let value: number;
  try {
    value = milliseconds(options[name], 0);
  } catch (error) {
    throw new Error(`invalid value for ${name}: value must be a duration: ${(error as Error).message}`);
  }
  if (value < 0) throw new Error(`invalid value for ${name}: value must be a duration that is non-negative`);
  return Math.min(value, LONGEST);
}

function interval(text: string | undefined): number {
  const name = 'fluentd-async-reconnect-interval';
  let value: number;
  try {
    value = milliseconds(text, 0);
  } catch (error) {
    throw new Error(`invalid value for ${name}: ${(error as Error).message}`);
  }
  if (value !== 0 && (value < 100 || value > 10_000))
    throw new Error(
      `invalid value for ${name}: value (${JSON.stringify(formatDuration(value * 1e6))}) must be between 100ms and 10s`,
    );
  return value;
}

function location(given: string): Pick<FluentdOptions, 'network' | 'host' | 'port' | 'path'> {
  if (given === '') return { network: 'tcp', host: DEFAULT_HOST, port: DEFAULT_PORT, path: '' };
  const { scheme, host, path } = parseAddress(given.includes('://') ? given : `tcp://${given}`);
  if (scheme === 'unix') {
    if (path.replace(/^\/+/, '') === '') throw new Error('path is empty');
    return { network: 'unix', host: '', port: 0, path };
  }
  if (scheme !== 'tcp' && scheme !== 'tls') throw new Error(`unsupported scheme: '${scheme}'`);
  if (path !== '') throw new Error('should not contain a path element');
  const [, bracketed, plain = '', port = ''] = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d*))?$/.exec(host) ?? [];
  if (port !== '' && Number(port) > 65535)
    throw new Error(`invalid port: strconv.ParseUint: parsing ${JSON.stringify(port)}: value out of range`);
  return {
    network: scheme,
    host: bracketed || plain || DEFAULT_HOST,
    port: port === '' ? DEFAULT_PORT : Number(port),
    path: '',
  };
}
