/** Where the time of a request goes, for those who trace it; work is simply done where nobody does. */
export type Tracer = <T>(name: string, work: () => Promise<T>, attributes?: SpanAttributes) => Promise<T>;

export interface SpanAttributes {
  [name: string]: string | number;
}

let tracer: Tracer | undefined;

/** Sets who takes the spans; undefined: nobody. */
export function setTracer(taker: Tracer | undefined): void {
  tracer = taker;
}

/** Does a piece of work as a span of its own, within the one that it is called in. */
export function span<T>(name: string, work: () => Promise<T>, attributes?: SpanAttributes): Promise<T> {
  return tracer ? tracer(name, work, attributes) : work();
}

export const tracing = (): boolean => tracer !== undefined;
