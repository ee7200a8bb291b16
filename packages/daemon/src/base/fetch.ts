import type { Readable } from 'node:stream';

/** The daemon's proxies; an empty one means that of the daemon's environment. */
export interface Proxies {
  httpProxy: string;
  httpsProxy: string;
  noProxy: string;
}

/** What a server answered, redirects followed. */
export interface Fetched {
  status: number;
  /** What the server calls the status. */
  reason: string;
  headers: Record<string, string | string[] | undefined>;
  body: Readable;
}

/**
 * Gets what a user named (ADD, a remote context, import) by HTTP. Not the global fetch: that one refuses ports that a
 * browser should not talk to.
 * @throws system with Go's text when the server cannot be talked to.
 */
export type Fetch = (address: string | URL, signal: AbortSignal) => Promise<Fetched>;

/** A fetch through the daemon's proxies; its HTTP client is loaded when it is first used. */
export function fetchThrough(proxies: Proxies): Fetch {
  return async (address, signal) => (await import('./http-get.ts')).httpGet(proxies, address, signal);
}
