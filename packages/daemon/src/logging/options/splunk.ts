import { BerthError } from '../../base/errors.ts';
import { readBounded } from '../../base/files/bounded-file.ts';
import { parseAddress } from './address.ts';
import { boolean, integer, milliseconds, type Options } from './values.ts';

export const SPLUNK_OPTIONS = [
  'splunk-url',
  'splunk-token',
  'splunk-source',
  'splunk-sourcetype',
  'splunk-index',
  'splunk-capath',
  'splunk-caname',
  'splunk-insecureskipverify',
  'splunk-format',
  'splunk-verify-connection',
  'splunk-gzip',
  'splunk-gzip-level',
  'splunk-index-acknowledgment',
  'env',
  'env-regex',
  'labels',
  'labels-regex',
  'tag',
];

export interface SplunkOptions {
  url: URL;
  token: string;
  source: string;
  sourceType: string;
  index: string;
  ca: string | undefined;
  serverName: string | undefined;
  verify: boolean;
  verifyConnection: boolean;
  format: 'inline' | 'json' | 'raw';
  /** Undefined: not compressed; -1: zlib's own default. */
  gzip: number | undefined;
  acknowledge: boolean;
  /** Milliseconds and messages after which a batch is sent. */
  frequency: number;
  batch: number;
}

/** dockerd finds values of these wrong when a container is started. @throws Error with its text */
export function parseSplunk(options: Options, environment: NodeJS.ProcessEnv = process.env): SplunkOptions {
  const url = collector(options['splunk-url']);
  const token = options['splunk-token'];
  if (token === undefined) throw new Error('splunk: splunk-token is expected');
  const verify = !required(options['splunk-insecureskipverify']);
  const capath = options['splunk-capath'];
  const ca = capath === undefined ? undefined : readCertificate(capath);
  const packed = required(options['splunk-gzip']);
  const level = gzipLevel(options['splunk-gzip-level']);
  const acknowledge = required(options['splunk-index-acknowledgment']);
  const verifyConnection = required(options['splunk-verify-connection'], true);
  const format = options['splunk-format'] ?? 'inline';
  if (format !== 'inline' && format !== 'json' && format !== 'raw')
    throw new Error(`Unknown format specified ${format}, supported formats are inline, json and raw`);
  return {
    url,
    token,
    source: options['splunk-source'] ?? '',
    sourceType: options['splunk-sourcetype'] ?? '',
    index: options['splunk-index'] ?? '',
    ca,
    serverName: options['splunk-caname'],
    verify,
    verifyConnection,
    format,
    gzip: packed ? level : undefined,
    acknowledge,
    frequency: milliseconds(environment['SPLUNK_LOGGING_DRIVER_POST_MESSAGES_FREQUENCY'], 5000),
    batch: Number(environment['SPLUNK_LOGGING_DRIVER_POST_MESSAGES_BATCH_SIZE'] || 1000),
  };
}

/** A truth value that may not be empty. */
function required(text: string | undefined, otherwise = false): boolean {
  if (text === '') throw new Error('strconv.ParseBool: parsing "": invalid syntax');
  return boolean(text, otherwise);
}

function gzipLevel(text: string | undefined): number {
  if (text === undefined) return -1;
  const level = integer(text);
  if (level === undefined)
    throw new Error(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  if (level < -1 || level > 9)
    throw new Error(
      `not supported level '${text}' for splunk-gzip-level (supported values between -1 and 9)`,
    );
  return level;
}

/** The most bytes of a file of certificates. */
const CERTIFICATES_MAX = 4 * 1024 * 1024;

function readCertificate(path: string): string {
  try {
    return readBounded(path, CERTIFICATES_MAX).toString();
  } catch (error) {
    if (error instanceof BerthError) throw error;
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw new Error(`open ${path}: ${missing ? 'no such file or directory' : 'permission denied'}`);
  }
}

function collector(text: string | undefined): URL {
  if (text === undefined) throw new Error('splunk: splunk-url is expected');
  let parts: ReturnType<typeof parseAddress>;
  try {
    parts = parseAddress(text);
  } catch {
    throw new Error(`splunk: failed to parse ${text} as url value in splunk-url`);
  }
  const { scheme, host, path, query, fragment } = parts;
  if ((scheme !== 'http' && scheme !== 'https') || !['', '/'].includes(path) || query || fragment || !host)
    throw new Error('splunk: expected format scheme://dns_name_or_ip:port for splunk-url');
  return new URL(`${scheme}://${host}/services/collector/event/1.0`);
}
