import { invalidParameter } from '../../base/errors.ts';
import { parseFilters } from '../../base/filters.ts';
import { type EngineEvent, matches } from '../../events/index.ts';
import type { Services } from '../../services.ts';
import type { Server } from '../api.ts';
import { JSON_SEQUENCE } from '../reply.ts';
import { eventFor } from '../shapes/events.ts';

/** Types of a stream of JSON values that a client may ask for. */
const STREAMS = ['application/jsonl', 'application/x-ndjson', JSON_SEQUENCE];

/** The type of the stream: what the client accepts by name, best liked first, else the one it always was. */
function negotiate(accept: string | undefined): string {
  const accepted = (accept ?? '').split(',').map((text) => {
    const [type = '', ...parameters] = text.split(';').map((part) => part.trim().toLowerCase());
    const weight = parameters.find((parameter) => parameter.startsWith('q='));
    return { type, weight: weight === undefined ? 1 : Number(weight.slice(2)) };
  });
  const [best] = accepted
    .filter(({ type, weight }) => STREAMS.includes(type) && weight > 0)
    .toSorted((left, right) => right.weight - left.weight);
  return best?.type ?? 'application/json';
}

/** Bytes of events that are kept for a client that does not read: many thousands of them. */
const BACKLOG = 4 << 20;

/** `/events`: what is kept since a time, then what happens. */
export function eventsRoutes(server: Server, rooms: Services): void {
  server.serve('SystemEvents', ({ query, version, headers, signal }, reply) => {
    const since = timestamp(query['since']);
    const until = timestamp(query['until']);
    if (since !== undefined && until !== undefined && until < since)
      throw invalidParameter(
        `\`since\` time (${query['since']}) cannot be after \`until\` time (${query['until']})`,
      );
    const filters = parseFilters(query['filters']);
    const lines = reply.lines(negotiate(headers.accept), '\n');
    const send = (event: EngineEvent) => {
      if (!matches(event, filters)) return;
      const shaped = eventFor(version, event);
      if (shaped === undefined) return;
      lines.write(shaped);
      // A listener that does not read is cut off rather than told a part.
      if (lines.stream.writableLength > BACKLOG) lines.stream.destroy();
    };
    // An end alone asks for what has been, too.
    if (since !== undefined || until !== undefined)
      for (const event of rooms.events.history())
        if (
          (since === undefined || event.timeNano >= since) &&
          (until === undefined || event.timeNano <= until)
        )
          send(event);
    const left = until === undefined ? undefined : until / 1e6 - Date.now();
    if (left !== undefined && left <= 0) {
      lines.end();
      return;
    }
    const unsubscribe = rooms.events.subscribe(send);
    // Node's timers end at 2^31 ms: a later end is not waited for.
    const timer = left === undefined || left > 2 ** 31 - 1 ? undefined : setTimeout(() => lines.end(), left);
    const stop = () => {
      unsubscribe();
      clearTimeout(timer);
    };
    lines.stream.on('finish', stop);
    signal.addEventListener('abort', stop);
  });
}

/** Nanoseconds since 1970 of `seconds[.nanoseconds]`. */
function timestamp(text: string | undefined): number | undefined {
  if (!text) return undefined;
  const [seconds = '', fraction = ''] = text.split('.', 2);
  for (const part of fraction === '' ? [seconds] : [seconds, fraction])
    if (!/^[+-]?\d+$/.test(part))
      throw invalidParameter(`strconv.ParseInt: parsing ${JSON.stringify(part)}: invalid syntax`);
  return Number(seconds) * 1e9 + Number(fraction.slice(0, 9).padEnd(9, '0'));
}
