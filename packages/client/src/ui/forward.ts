import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { messageOf } from '../base/errors.ts';
import type { Answer, Api, Query } from '../transport/api.ts';

/** A body that the page sends is one JSON value. */
const MOST_BODY = 4 << 20;

/** A path of the engine's API with its query, as the page writes it. */
export function readPath(text: string): { path: string; query: Query } {
  const { pathname, searchParams } = new URL(text, 'http://engine');
  const query: Record<string, string[]> = Object.create(null);
  for (const [name, value] of searchParams) {
    query[name] ??= [];
    query[name].push(value);
  }
  return { path: pathname, query };
}

async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > MOST_BODY) return undefined;
    parts.push(part);
  }
  return Buffer.concat(parts);
}

/** Says why in the engine's form of an error. */
export function refuse(response: ServerResponse, status: number, message: string): void {
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify({ message }));
}

/** Passes a request of the page on to the engine, and its answer back, at the pace of whoever reads slower. */
export async function forward(
  api: Api,
  target: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const gone = new AbortController();
  response.on('close', () => gone.abort(new Error('the page does not want it any more')));
  const body = await readBody(request);
  if (!body) return refuse(response, 413, `a request of the page has ${MOST_BODY} bytes at most`);
  let answer: Answer;
  try {
    const { path, query } = readPath(target);
    answer = await api.relay(request.method!, path, {
      query,
      signal: gone.signal,
      ...(body.length > 0 && { body, headers: { 'Content-Type': 'application/json' } }),
    });
  } catch (error) {
    return refuse(response, 502, messageOf(error));
  }
  response.writeHead(answer.status, { 'Content-Type': answer.headers['content-type'] ?? 'application/json' });
  try {
    await pipeline(answer.body, response);
  } catch {
    // The connection to the engine broke: what the page has is not whole.
    response.destroy();
  }
}
