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
