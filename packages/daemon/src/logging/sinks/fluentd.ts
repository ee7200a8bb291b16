import { randomBytes } from 'node:crypto';
import { isIP } from 'node:net';
import { type Entry, nanosecondsOf, seconds } from '../deliver/entries.ts';
import type { DeliveryRecord } from '../deliver/record.ts';
import type { Sink } from '../deliver/sink.ts';
import { type FluentdOptions, parseFluentd } from '../options/fluentd.ts';
import { Connection, type Target } from './connection.ts';
import { packEventTime, packMap, packNumber, packString, unpackAck } from './msgpack.ts';

const CHUNK = 64 * 1024;
/** As dockerd's library has it. */
const RETRY_FACTOR = 1.5;
const RETRY_MOST = 60_000;
/** An array of four: tag, time, record, options. */
const MESSAGE = Buffer.from([0x94]);

/** Sends a log by Fluentd's forward protocol, one message an entry. */
export function fluentdSink(record: DeliveryRecord): Sink {
  const options = parseFluentd(record.options);
  const stream = new Connection(target(options));
  const { retryWait, tries, acknowledge, reconnect, readTimeout, writeTimeout } = options;
  let renewed = performance.now();
  return {
    gather: { milliseconds: 0, entries: 1 },
    retry: { first: retryWait, factor: RETRY_FACTOR, most: RETRY_MOST, tries },
    open: () => stream.open(),
    async send(entries) {
      if (reconnect > 0 && performance.now() - renewed > reconnect) {
        stream.reset();
        renewed = performance.now();
      }
      const parts: Buffer[] = [];
      const acks: string[] = [];
      let count = 0;
      let size = 0;
      for (const entry of entries) {
        const ack = acknowledge ? uniqueId() : undefined;
        if (ack !== undefined) acks.push(ack);
        const part = message(record, options, entry, ack);
        parts.push(part);
        size += part.length;
        count += 1;
        if (size >= CHUNK) break;
      }
      await stream.write(Buffer.concat(parts), writeTimeout);
      for (const ack of acks) await acknowledged(stream, ack, readTimeout);
      return count;
    },
    close: () => stream.close(),
  };
}

function target({ network, host, port, path }: FluentdOptions): Target {
  if (network === 'unix') return { path };
  return network === 'tls'
    ? { host, port, tls: isIP(host) === 0 ? { servername: host } : {} }
    : { host, port };
}

const uniqueId = () => randomBytes(16).toString('base64');

async function acknowledged(stream: Connection, wanted: string, patience: number): Promise<void> {
  let got = '';
  await stream.answer((bytes) => {
    const found = unpackAck(bytes);
    got = found?.ack ?? '';
    return found?.size ?? 0;
  }, patience);
  if (got === wanted) return;
  stream.reset();
  throw new Error(`fluentd: message ack (${got}) doesn't match expected one (${wanted})`);
}

function message(
  record: DeliveryRecord,
  options: FluentdOptions,
  entry: Entry,
  ack: string | undefined,
): Buffer {
  const fields = new Map<string, string | Buffer>([
    ['container_id', record.id],
    ['container_name', `/${record.name}`],
    ['source', entry.stream],
    ['log', entry.text],
    ...Object.entries(record.attributes),
  ]);
  if (entry.piece) {
    fields.set('partial_message', 'true');
    fields.set('partial_id', entry.piece.id);
    fields.set('partial_ordinal', String(entry.piece.ordinal));
    fields.set('partial_last', String(entry.piece.last));
  }
  const time = options.subSeconds
    ? packEventTime(seconds(entry), nanosecondsOf(entry))
    : packNumber(seconds(entry));
  return Buffer.concat([
    MESSAGE,
    packString(record.tag),
    time,
    packMap([...fields]),
    packMap(ack === undefined ? [] : [['chunk', ack]]),
  ]);
}
