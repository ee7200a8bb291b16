/** Spans: the parts of the time that a request takes, for those who trace it; work is simply done where nobody does. */
export interface Tracer {
  /** Begins a span below the one that the caller's work is part of. */
  begin(name: string, attributes: SpanAttributes): Span;
}

/** A piece of work that is under way. */
export interface Span {
  /** Does work whose own spans stand below this one. */
  within<T>(work: () => T): T;
  /** Ends it; an error is its status. */
  end(error?: unknown): void;
}

/**
 * Attributes of a span, read at its end, so that the work may add some. `traceparent` (W3C Trace Context) names a caller's
 * span.
 */
export interface SpanAttributes {
  [name: string]: string | number;
}

const nobodys: Span = { within: (work) => work(), end: () => undefined };

let tracer: Tracer | undefined;

/** Sets who takes the spans; undefined: nobody. */
export function setTracer(taker: Tracer | undefined): void {
  tracer = taker;
}

/** Does a piece of work as a span of its own, within the one that it is called in. */
export async function span<T>(
  name: string,
  work: () => Promise<T>,
  attributes: SpanAttributes = {},
): Promise<T> {
  if (!tracer) return work();
  const begun = tracer.begin(name, attributes);
  try {
    const result = await begun.within(work);
    begun.end();
    return result;
  } catch (error) {
    begun.end(error);
    throw error;
  }
}

/** Begins a span whose end is told apart, for work that is told of in steps. */
export const beginSpan = (name: string, attributes: SpanAttributes = {}): Span =>
  tracer?.begin(name, attributes) ?? nobodys;

/** Whether spans are kept: attributes that take time to make are made only then. */
export const tracing = (): boolean => tracer !== undefined;
