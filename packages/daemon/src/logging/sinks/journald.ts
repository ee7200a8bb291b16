import { randomBytes } from 'node:crypto';
import type { Entry } from '../deliver/entries.ts';
import type { DeliveryRecord } from '../deliver/record.ts';
import { PATIENT, type Sink } from '../deliver/sink.ts';
import { unixDatagrams } from './datagrams.ts';

const SOCKET = '/run/systemd/journal/socket';
const ERROR = 3;
const INFO = 6;
const NEWLINE = Buffer.from('\n');

/** Sends a log to the machine's journal by its native protocol, one datagram an entry. */
export function journaldSink(record: DeliveryRecord, socket = SOCKET): Sink {
  const datagrams = unixDatagrams([socket]);
  const fields = containerFields(record);
  let ordinal = 0;
  return {
    gather: { milliseconds: 0, entries: 1 },
    retry: PATIENT,
    async open() {
      await datagrams.open().catch(() => {
        throw new Error('journald is not enabled on this host');
      });
    },
    async send(entries) {
      let count = 0;
      for (const entry of entries) {
        await datagrams.send(
          Buffer.concat([
            field('PRIORITY', String(entry.stream === 'stderr' ? ERROR : INFO)),
            field('MESSAGE', entry.text),
            fields,
            ...entryFields(entry, ordinal + 1),
          ]),
        );
        ordinal += 1;
        count += 1;
      }
      return count;
    },
    close: () => datagrams.close(),
  };
}

/** A value with a newline is told by its length (https://systemd.io/JOURNAL_NATIVE_PROTOCOL). */
function field(name: string, value: string | Buffer): Buffer {
  const bytes = typeof value === 'string' ? Buffer.from(value) : value;
  if (!bytes.includes(0x0a)) return Buffer.concat([Buffer.from(`${name}=`), bytes, NEWLINE]);
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(bytes.length));
  return Buffer.concat([Buffer.from(`${name}\n`), size, bytes, NEWLINE]);
}

function containerFields(record: DeliveryRecord): Buffer {
  const variables: Record<string, string> = {
    CONTAINER_ID: record.id.slice(0, 12),
    CONTAINER_ID_FULL: record.id,
    CONTAINER_NAME: record.name,
    CONTAINER_TAG: record.tag,
    IMAGE_NAME: record.imageName,
    SYSLOG_IDENTIFIER: record.tag,
    CONTAINER_LOG_EPOCH: randomBytes(32).toString('hex'),
  };
  for (const [name, value] of Object.entries(record.attributes)) {
    const valid = journalName(name);
    if (valid !== '') variables[valid] = value;
  }
  return Buffer.concat(Object.entries(variables).map(([name, value]) => field(name, value)));
}

function entryFields({ time, piece }: Entry, ordinal: number): Buffer[] {
  const fields = [field('SYSLOG_TIMESTAMP', time), field('CONTAINER_LOG_ORDINAL', String(ordinal))];
  if (!piece) return fields;
  fields.push(
    field('CONTAINER_PARTIAL_ID', piece.id),
    field('CONTAINER_PARTIAL_ORDINAL', String(piece.ordinal)),
    field('CONTAINER_PARTIAL_LAST', String(piece.last)),
  );
  if (!piece.last) fields.push(field('CONTAINER_PARTIAL_MESSAGE', 'true'));
  return fields;
}

/** A name as the journal takes it: capitals, digits and underscores, no underscore first. */
export function journalName(name: string): string {
  return [...name.toUpperCase()]
    .map((character) => (/[A-Z0-9]/.test(character) ? character : '_'))
    .join('')
    .replace(/^_+/, '');
}
