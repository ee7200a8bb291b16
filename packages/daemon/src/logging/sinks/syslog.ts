import { isIP } from 'node:net';
import type { Entry } from '../deliver/entries.ts';
import { milliseconds, nanosecondsOf } from '../deliver/entries.ts';
import type { DeliveryRecord } from '../deliver/record.ts';
import { PATIENT, type Sink } from '../deliver/sink.ts';
import { parseSyslog, type SyslogOptions } from '../options/syslog.ts';
import { Connection, readKeyFile, type Target } from './connection.ts';
import { type Datagrams, udpDatagrams, unixDatagrams } from './datagrams.ts';

/** The sockets at which a machine's own syslog may listen. */
const LOCAL = ['/dev/log', '/var/run/syslog', '/var/run/log'];
const ERROR = 3;
const INFO = 6;
/** Bytes of messages that are written at once. */
const CHUNK = 64 * 1024;

/** Sends a log to a syslog server: RFC 3164, RFC 5424, and RFC 5425's framing where that is over TLS. */
export function syslogSink(record: DeliveryRecord): Sink {
  const options = parseSyslog(record.options);
  const format = formatter(options, record);
  const base = { gather: { milliseconds: 0, entries: 1 }, retry: PATIENT };
  const datagrams = datagramsTo(options);
  if (datagrams)
    return {
      ...base,
      open: () => datagrams.open(),
      async send(entries) {
        for (const entry of entries) {
          const message = format(entry);
          if (message) await datagrams.send(message);
        }
        return entries.length;
      },
      close: () => datagrams.close(),
    };
  const stream = new Connection(target(options));
  return {
    ...base,
    open: () => stream.open(),
    async send(entries) {
      const messages: Buffer[] = [];
      let count = 0;
      let size = 0;
      for (const entry of entries) {
        const message = format(entry);
        if (message) messages.push(message);
        size += message?.length ?? 0;
        count += 1;
        if (size >= CHUNK) break;
      }
      if (messages.length > 0) await stream.write(Buffer.concat(messages));
      return count;
    },
    close: () => stream.close(),
  };
}

function datagramsTo({ network, host, port, path }: SyslogOptions): Datagrams | undefined {
  if (network === 'udp') return udpDatagrams(host, port);
  if (network === 'unixgram') return unixDatagrams([path]);
  if (network !== '') return undefined;
  const local = unixDatagrams(LOCAL);
  return {
    ...local,
    async open() {
      await local.open().catch(() => {
        throw new Error('Unix syslog delivery error');
      });
    },
  };
}

function target({ network, host, port, path, tls }: SyslogOptions): Target {
  if (network === 'unix') return { path };
  if (network === 'tcp') return { host, port };
  const { ca, cert, key, skipVerify } = tls;
  return {
    host,
    port,
    tls: {
      ...(isIP(host) === 0 && { servername: host }),
      rejectUnauthorized: !skipVerify,
      minVersion: 'TLSv1.2',
      ...(ca && { ca: readKeyFile(ca, `could not read CA certificate "${ca}"`) }),
      ...(cert && { cert: readKeyFile(cert, 'could not load X509 key pair') }),
      ...(key && { key: readKeyFile(key, 'could not load X509 key pair') }),
    },
  };
}

/** An entry as a message; nothing of an empty one. */
function formatter(
  { facility, format, network }: SyslogOptions,
  { tag, hostname }: DeliveryRecord,
): (entry: Entry) => Buffer | undefined {
  const { pid } = process;
  const head = (entry: Entry, priority: number): string => {
    switch (format) {
      case '':
        return `<${priority}>${stamp(entry)} ${tag}[${pid}]: `;
      case 'rfc3164':
        return `<${priority}>${stamp(entry)} ${hostname} ${tag}[${pid}]: `;
      default:
        return `<${priority}>1 ${isoTime(entry, format === 'rfc5424micro')} ${hostname} ${tag} ${pid} ${tag} - `;
    }
  };
  const counted = network === 'tcp+tls' && format.startsWith('rfc5424');
  return (entry) => {
    if (entry.text.length === 0) return undefined;
    const priority = facility * 8 + (entry.stream === 'stderr' ? ERROR : INFO);
    const ended = entry.text.at(-1) === 0x0a;
    const parts = [Buffer.from(head(entry, priority)), entry.text, ...(ended ? [] : [Buffer.from('\n')])];
    if (counted) parts.unshift(Buffer.from(`${parts.reduce((sum, part) => sum + part.length, 0)} `));
    return Buffer.concat(parts);
  };
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const two = (number: number) => String(number).padStart(2, '0');

const clock = (date: Date) => `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;

/** RFC 3164's local time, `Jan  2 15:04:05`. */
function stamp(entry: Entry): string {
  const date = new Date(milliseconds(entry));
  return `${MONTHS[date.getMonth()]} ${String(date.getDate()).padStart(2)} ${clock(date)}`;
}

function isoTime(entry: Entry, micro: boolean): string {
  const date = new Date(milliseconds(entry));
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const fraction = micro ? `.${String(Math.floor(nanosecondsOf(entry) / 1000)).padStart(6, '0')}` : '';
  const offset = -date.getTimezoneOffset();
  const zone =
    offset === 0
      ? 'Z'
      : `${offset < 0 ? '-' : '+'}${two(Math.floor(Math.abs(offset) / 60))}:${two(Math.abs(offset) % 60)}`;
  return `${day}T${clock(date)}${fraction}${zone}`;
}
