import type { OperationId, RequestOf, ResponseOf, Routes, SentQueryOf } from '@berth/api-spec';
import { KEY_HEADER } from '@berth/client/ui/protocol.ts';
import { sessionKey } from '../base/key.ts';
import { clipped, visible } from '../base/text.ts';

/** The engine refused, or cannot be reached. */
export class EngineError extends Error {
  /** 0: no answer came. */
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = 'EngineError';
    this.status = status;
  }
}

export type Query = Record<string, string | number | boolean | readonly string[] | undefined>;

/** A path of the API with its query. */
export function pathWith(path: string, query: Query = {}): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined) continue;
    for (const one of [value].flat())
      search.append(name, one === true ? '1' : one === false ? '0' : String(one));
  }
  const text = search.toString();
  return text ? `${path}?${text}` : path;
}

/** Characters of an engine's message that are shown; it may hold what a user or a registry wrote. */
const WIDEST = 2000;

const shown = (message: string): string => visible(clipped(message, WIDEST));

/** The message of an error that the engine answered with, to be shown and looked at as it is. */
export function messageIn(text: string): string {
  try {
    const { message } = JSON.parse(text) as { message?: unknown };
    if (typeof message === 'string') return shown(message);
  } catch {
    // No JSON: something between, which speaks for itself.
  }
  return shown(text.trim()) || 'the engine gave no reason';
}

/** Calls an operation of the API: `call<'ContainerList'>('GET', '/containers/json', ...)`. Throws EngineError. */
export async function call<Id extends OperationId>(
  method: Routes[Id]['method'],
  path: Routes[Id]['path'],
  options: { query?: SentQueryOf<Id> & Query; body?: RequestOf<Id>; signal?: AbortSignal } = {},
): Promise<ResponseOf<Id>> {
  const { query, body, signal } = options;
  const response = await fetch(`/api${pathWith(path, query)}`, {
    method,
    headers: { [KEY_HEADER]: sessionKey() },
    signal,
    ...(body !== undefined && { body: JSON.stringify(body) }),
  }).catch((error: Error) => {
    if (error.name === 'AbortError') throw error;
    throw new EngineError(0, '`berth ui` does not answer: has it ended?');
  });
  const text = await response.text();
  if (!response.ok) throw new EngineError(response.status, messageIn(text));
  return (text === '' ? undefined : JSON.parse(text)) as ResponseOf<Id>;
}
