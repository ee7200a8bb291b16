import { randomBytes } from 'node:crypto';
import { deflateSync, gzipSync } from 'node:zlib';
import { type Entry, milliseconds } from '../deliver/entries.ts';
import type { DeliveryRecord } from '../deliver/record.ts';
import { PATIENT, Refused, type Retry, type Sink } from '../deliver/sink.ts';
import { type GelfOptions, parseGelf } from '../options/gelf.ts';
import { Connection } from './connection.ts';
import { udpDatagrams } from './datagrams.ts';
import { goJson, sorted } from './json.ts';

const ERROR = 3;
const INFO = 6;
/** GELF's chunks over UDP: bytes of a packet, of its header, and how many a message may have. */
const PACKET = 1420;
const HEADER = 12;
const MOST_CHUNKS = 128;
const MAGIC = Buffer.from([0x1e, 0x0f]);
const CHUNK = 64 * 1024;

/** Sends a log as GELF 1.1: compressed packets over UDP, or messages that end with a zero over TCP. */
export function gelfSink(record: DeliveryRecord): Sink {
  const options = parseGelf(record.options);
  const message = messages(record);
  return options.network === 'udp' ? overUdp(options, message) : overTcp(options, message);
}

type Messages = (entry: Entry) => string | undefined;

function overUdp(options: GelfOptions, message: Messages): Sink {
  const datagrams = udpDatagrams(options.host, options.port);
  return {
    gather: { milliseconds: 0, entries: 1 },
    retry: PATIENT,
    open: () => datagrams.open(),
    async send(entries) {
      let count = 0;
      for (const entry of entries) {
        const text = message(entry);
        const packets = text === undefined ? [] : chunks(packed(text, options));
        // The entries before it are delivered: it is refused when it is the first.
        if (packets.length > MOST_CHUNKS && count > 0) return count;
        if (packets.length > MOST_CHUNKS)
          throw new Refused(`gelf: msg too large, would need ${packets.length} chunks`, 1);
        for (const packet of packets) await datagrams.send(packet);
        count += 1;
      }
      return count;
    },
    close: () => datagrams.close(),
  };
}

function overTcp(options: GelfOptions, message: Messages): Sink {
  const { host, port, tries, pause } = options;
  const stream = new Connection({ host, port });
  const retry: Retry = tries === undefined ? PATIENT : { first: pause, factor: 1, most: pause, tries };
  return {
    gather: { milliseconds: 0, entries: 1 },
    retry,
    async open() {
      await stream.open().catch((error) => {
        throw new Error(`gelf: cannot connect to GELF endpoint: ${host}:${port} ${(error as Error).message}`);
      });
    },
    async send(entries) {
      let text = '';
      let count = 0;
      for (const entry of entries) {
        const one = message(entry);
        if (one !== undefined) text += `${one}\0`;
        count += 1;
        if (text.length >= CHUNK) break;
      }
      if (text !== '') await stream.write(Buffer.from(text));
      return count;
    },
    close: () => stream.close(),
  };
}

function packed(text: string, { compression, level }: GelfOptions): Buffer {
  if (compression === 'gzip') return gzipSync(text, { level });
  if (compression === 'zlib') return deflateSync(text, { level });
  return Buffer.from(text);
}

function chunks(bytes: Buffer): Buffer[] {
  if (bytes.length <= PACKET) return [bytes];
  const room = PACKET - HEADER;
  const count = Math.ceil(bytes.length / room);
  const id = randomBytes(8);
  return Array.from({ length: count }, (_, index) =>
    Buffer.concat([
      MAGIC,
      id,
      Buffer.from([index & 0xff, count & 0xff]),
      bytes.subarray(index * room, (index + 1) * room),
    ]),
  );
}

/** An entry as a message; nothing of an empty one. */
function messages(record: DeliveryRecord): Messages {
  const extra: Record<string, string> = {
    _container_id: record.id,
    _container_name: record.name,
    _image_id: record.imageId,
    _image_name: record.imageName,
    _command: record.command,
    _tag: record.tag,
    _created: record.created,
  };
  for (const [name, value] of Object.entries(record.attributes))
    extra[name.startsWith('_') ? name : `_${name}`] = value;
  const rest = goJson(sorted(extra)).slice(1);
  return (entry) => {
    if (entry.text.length === 0) return undefined;
    const own = goJson({
      version: '1.1',
      host: record.hostname,
      short_message: entry.text.toString(),
      timestamp: milliseconds(entry) / 1000,
      level: entry.stream === 'stderr' ? ERROR : INFO,
    });
    return `${own.slice(0, -1)},${rest}`;
  };
}
