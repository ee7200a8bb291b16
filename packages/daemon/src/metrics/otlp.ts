import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';
import { log } from '../base/log.ts';
import { type SpanAttributes, setTracer } from '../base/spans.ts';
import { nowNanos } from '../base/time.ts';
import { VERSION } from '../base/version.ts';

/** Spans wait so long for others, in milliseconds, and are sent in batches of at most so many. */
const PAUSE = 1000;
const BATCH = 512;
/** Spans that wait while the collector is away; later ones are dropped. */
const MOST_WAITING = 4096;
const PATIENCE = 10_000;
/** Characters of a span's name; that of a build step is its command, which may be a whole script. */
const NAME_LENGTH = 200;
/** Characters of a text in a span, and texts in one: names, paths and errors are whatever a client made them. */
const TEXT_LENGTH = 1024;
const MOST_ATTRIBUTES = 64;
/** Kinds of spans (trace.proto, SpanKind). */
const INTERNAL = 1;
const SERVER = 2;

interface Context {
  trace: string;
  id: string;
}

/** A span as OTLP's JSON has it (opentelemetry-proto, trace.proto). */
interface Span {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  kind: typeof INTERNAL | typeof SERVER;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes: Array<{ key: string; value: { stringValue: string } | { intValue: string } }>;
  status: { code?: 2; message?: string };
}

/** Sends the spans of requests and their parts to a collector, by OTLP over HTTP in JSON. Never fails, never waits. */
export function exportSpans(endpoint: string, instance: string): void {
  const url = `${endpoint.replace(/\/$/, '')}/v1/traces`;
  const current = new AsyncLocalStorage<Context>();
  const waiting: Span[] = [];
  let timer: NodeJS.Timeout | undefined;
  let told = false;

  async function send(): Promise<void> {
    timer = undefined;
    const spans = waiting.splice(0, BATCH);
    if (waiting.length > 0) schedule();
    try {
      const answer = await fetch(url, {
        method: 'POST',
        // Spans are for the collector that was named, and for no other that it names.
        redirect: 'manual',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(request(spans, instance)),
        signal: AbortSignal.timeout(PATIENCE),
      });
      // An answer that nobody reads would hold its connection.
      await answer.body?.cancel();
      if (!answer.ok) throw new Error(`the collector answered ${answer.status}`);
      told = false;
    } catch (error) {
      if (!told) log.warn({ err: error, endpoint }, 'spans could not be sent and are dropped');
      told = true;
    }
  }
  function schedule(): void {
    timer ??= setTimeout(() => void send(), PAUSE);
    timer.unref();
  }

  setTracer({
    begin(name, attributes) {
      const around = current.getStore();
      const parent = around ?? parseParent(String(attributes['traceparent'] ?? ''));
      const context = {
        trace: parent?.trace ?? randomBytes(16).toString('hex'),
        id: randomBytes(8).toString('hex'),
      };
      const began = nowNanos();
      return {
        within: (work) => current.run(context, work),
        end(error) {
          if (waiting.length >= MOST_WAITING) return;
          waiting.push({
            traceId: context.trace,
            spanId: context.id,
            ...(parent && { parentSpanId: parent.id }),
            name: name.slice(0, NAME_LENGTH),
            kind: around ? INTERNAL : SERVER,
            startTimeUnixNano: String(began),
            endTimeUnixNano: String(nowNanos()),
            attributes: shown(attributes),
            status: statusOf(error, attributes),
          });
          schedule();
        },
      };
    },
  });
}

/** A request that was answered with an error of the engine has failed, though its handler has not (semantic conventions). */
function statusOf(error: unknown, attributes: SpanAttributes): Span['status'] {
  if (error !== undefined)
    return {
      code: 2,
      message: (error instanceof Error ? error.message : String(error)).slice(0, TEXT_LENGTH),
    };
  return Number(attributes['http.response.status_code'] ?? 0) >= 500 ? { code: 2 } : {};
}

/** W3C's header traceparent: version, trace, span, flags. */
function parseParent(header: string): Context | undefined {
  const [, trace, id] = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}/.exec(header) ?? [];
  return trace && id && !/^0+$/.test(trace) && !/^0+$/.test(id) ? { trace, id } : undefined;
}

function shown(attributes: SpanAttributes): Span['attributes'] {
  return Object.entries(attributes)
    .filter(([key]) => key !== 'traceparent')
    .slice(0, MOST_ATTRIBUTES)
    .map(([key, value]) => ({
      key,
      value:
        typeof value === 'number'
          ? { intValue: String(value) }
          : { stringValue: value.slice(0, TEXT_LENGTH) },
    }));
}

function request(spans: readonly Span[], instance: string) {
  const text = (key: string, stringValue: string) => ({ key, value: { stringValue } });
  return {
    resourceSpans: [
      {
        resource: {
          attributes: [
            text('service.name', 'berthd'),
            text('service.version', VERSION),
            text('service.instance.id', instance),
          ],
        },
        scopeSpans: [{ scope: { name: 'berthd', version: VERSION }, spans }],
      },
    ],
  };
}
