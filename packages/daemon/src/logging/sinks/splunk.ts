import { randomUUID } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { type Entry, nanosecondsOf, seconds } from '../deliver/entries.ts';
import type { DeliveryRecord } from '../deliver/record.ts';
import { PATIENT, Refused, type Sink } from '../deliver/sink.ts';
import { parseSplunk, type SplunkOptions } from '../options/splunk.ts';
import { compactJson } from './compact.ts';
import { HttpClient } from './http.ts';
import { goJson, sorted } from './json.ts';

/** Bytes of one request, before it is packed: Splunk takes 1 MB at most where nobody has changed that. */
const REQUEST_MOST = 800_000;
const SHOWN = 1024;
/** A batch that is refused as wrong so often is given up; what is wrong may be mended on the server until then. */
const REFUSALS = 10;

/** Sends a log to Splunk's HTTP Event Collector, in batches. */
export function splunkSink(record: DeliveryRecord): Sink {
  const options = parseSplunk(record.options);
  const client = new HttpClient(options.url, {
    rejectUnauthorized: options.verify,
    ...(options.ca !== undefined && { ca: options.ca }),
    ...(options.serverName !== undefined && { servername: options.serverName }),
  });
  const event = eventOf(options, record);
  let refusals = 0;
  return {
    gather: { milliseconds: options.frequency, entries: options.batch },
    retry: PATIENT,
    async open() {
      if (!options.verifyConnection) return;
      const { status, statusText, body } = await client.request('OPTIONS', options.url, {});
      if (status !== 200)
        throw new Error(
          `splunk: failed to verify connection - ${status} ${statusText} - ${body.slice(0, SHOWN)}`,
        );
    },
    async send(entries) {
      const { text, count } = batchOf(entries, options.batch, event);
      if (text === '') return count;
      const why = await post(client, options, text);
      if (why === undefined) {
        refusals = 0;
        return count;
      }
      refusals = why.final ? refusals + 1 : 0;
      if (refusals < REFUSALS) throw new Error(why.text);
      refusals = 0;
      throw new Refused(why.text, count);
    },
    close: () => client.close(),
  };
}

type EventOf = (entry: Entry) => unknown;

function batchOf(entries: readonly Entry[], most: number, event: EventOf): { text: string; count: number } {
  let text = '';
  let count = 0;
  for (const entry of entries.slice(0, most)) {
    const one = event(entry);
    const added = one === undefined ? '' : goText(one);
    if (text !== '' && text.length + added.length > REQUEST_MOST) break;
    text += added;
    count += 1;
  }
  return { text, count };
}

/** A value that stands in the JSON as it was written. */
class Raw {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

interface Message {
  line: string | Raw | undefined;
  /** The members around the event, and the ones around the line in it; `line` is first in the event. */
  event: Record<string, unknown> | string;
  rest: Record<string, unknown>;
}

function goText(message: unknown): string {
  const { line, event, rest } = message as Message;
  const inner =
    typeof event === 'string'
      ? goJson(event)
      : `{"line":${line instanceof Raw ? line.text : goJson(line)},${goJson(event).slice(1)}`;
  return `{"event":${inner},${goJson(rest).slice(1)}`;
}

function eventOf(options: SplunkOptions, record: DeliveryRecord): EventOf {
  const { format, source, sourceType, index } = options;
  const attributes = Object.keys(record.attributes).length > 0 ? { attrs: sorted(record.attributes) } : {};
  const around = {
    host: record.hostname,
    ...(source && { source }),
    ...(sourceType && { sourcetype: sourceType }),
    ...(index && { index }),
  };
  const prefix = [record.tag, ...Object.entries(record.attributes).map(([name, value]) => `${name}=${value}`)]
    .filter((part) => part !== '')
    .map((part) => `${part} `)
    .join('');
  return (entry): Message | undefined => {
    const text = entry.text.toString();
    const rest = { time: timeOf(entry), ...around };
    if (format === 'raw')
      return text.trim() === '' ? undefined : { line: undefined, event: prefix + text, rest };
    const json = format === 'json' ? compactJson(text) : undefined;
    return {
      line: json === undefined ? text : new Raw(json),
      event: { source: entry.stream, ...(record.tag && { tag: record.tag }), ...attributes },
      rest,
    };
  };
}

/** Seconds with six digits of their fraction. */
const timeOf = (entry: Entry): string =>
  `${seconds(entry)}.${String(Math.floor(nanosecondsOf(entry) / 1000)).padStart(6, '0')}`;

/** Posts a batch; resolves to why it was not taken. `final`: the batch itself is found wrong. */
async function post(
  client: HttpClient,
  { url, token, gzip, acknowledge }: SplunkOptions,
  text: string,
): Promise<{ text: string; final: boolean } | undefined> {
  const body = gzip === undefined ? Buffer.from(text) : gzipSync(text, { level: gzip });
  const {
    status,
    statusText,
    body: said,
  } = await client.request(
    'POST',
    url,
    {
      Authorization: `Splunk ${token}`,
      ...(gzip !== undefined && { 'Content-Encoding': 'gzip' }),
      ...(acknowledge && { 'X-Splunk-Request-Channel': randomUUID() }),
    },
    body,
  );
  if (status === 200) return undefined;
  return {
    text: `splunk: failed to send event - ${status} ${statusText} - ${said.slice(0, SHOWN)}`,
    final: status === 400 || status === 413,
  };
}
