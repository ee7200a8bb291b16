import { statSync } from 'node:fs';
import { parseAddress, splitHostPort } from './address.ts';
import type { Options } from './values.ts';

export const SYSLOG_OPTIONS = [
  'env',
  'env-regex',
  'labels',
  'labels-regex',
  'syslog-address',
  'syslog-facility',
  'syslog-tls-ca-cert',
  'syslog-tls-cert',
  'syslog-tls-key',
  'syslog-tls-skip-verify',
  'tag',
  'syslog-format',
];

/** Facilities by their number (RFC 5424, table 1), as far as they have names. */
const FACILITIES = [
  ...['kern', 'user', 'mail', 'daemon', 'auth', 'syslog', 'lpr', 'news', 'uucp', 'cron', 'authpriv', 'ftp'],
  ...['', '', '', ''],
  ...['local0', 'local1', 'local2', 'local3', 'local4', 'local5', 'local6', 'local7'],
];
const DAEMON = 3;
const DEFAULT_PORT = '514';

export type SyslogFormat = '' | 'rfc3164' | 'rfc5424' | 'rfc5424micro';
export type SyslogNetwork = '' | 'udp' | 'tcp' | 'tcp+tls' | 'unix' | 'unixgram';

export interface SyslogOptions {
  network: SyslogNetwork;
  /** `host` and `port`, or the path of a socket; neither for the machine's own syslog. */
  host: string;
  port: number;
  path: string;
  facility: number;
  format: SyslogFormat;
  tls: { ca?: string; cert?: string; key?: string; skipVerify: boolean };
}

/** @throws Error with dockerd's text */
export function parseSyslog(options: Options): SyslogOptions {
  const tls: SyslogOptions['tls'] = { skipVerify: options['syslog-tls-skip-verify'] !== undefined };
  if (options['syslog-tls-ca-cert']) tls.ca = options['syslog-tls-ca-cert'];
  if (options['syslog-tls-cert']) tls.cert = options['syslog-tls-cert'];
  if (options['syslog-tls-key']) tls.key = options['syslog-tls-key'];
  return {
    ...address(options['syslog-address'] ?? ''),
    facility: facility(options['syslog-facility'] ?? ''),
    format: format(options['syslog-format'] ?? ''),
    tls,
  };
}

function address(text: string): Pick<SyslogOptions, 'network' | 'host' | 'port' | 'path'> {
  if (text === '') return { network: '', host: '', port: 0, path: '' };
  const { scheme, host, path } = parseAddress(text);
  if (scheme === 'unix' || scheme === 'unixgram') {
    if (!statSync(path, { throwIfNoEntry: false }))
      throw new Error(`stat ${path}: no such file or directory`);
    return { network: scheme, host: '', port: 0, path };
  }
  if (scheme !== 'udp' && scheme !== 'tcp' && scheme !== 'tcp+tls')
    throw new Error(`unsupported scheme: '${scheme}'`);
  let split: { host: string; port: string };
  try {
    split = splitHostPort(host);
  } catch (error) {
    if (!(error as Error).message.includes('missing port in address')) throw error;
    split = { host: host.replace(/^\[(.*)\]$/, '$1'), port: DEFAULT_PORT };
  }
  return { network: scheme, host: split.host, port: Number(split.port), path: '' };
}

function facility(text: string): number {
  if (text === '') return DAEMON;
  const named = FACILITIES.indexOf(text);
  if (named !== -1) return named;
  if (/^\+?\d+$/.test(text) && Number(text) <= 23) return Number(text);
  throw new Error('invalid syslog facility');
}

function format(text: string): SyslogFormat {
  if (text === '' || text === 'rfc3164' || text === 'rfc5424' || text === 'rfc5424micro') return text;
  throw new Error('Invalid syslog format');
}
