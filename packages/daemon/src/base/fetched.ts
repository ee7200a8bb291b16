import type { Readable } from 'node:stream';

/** The daemon's proxies; an empty one means that of the daemon's environment. */
export interface Proxies {
  httpProxy: string;
  httpsProxy: string;
  noProxy: string;
}

/** A request that sends something; without one it is a GET. */
export interface Sending {
  method?: string;
  headers?: Record<string, string>;
  body?: Buffer | string;
}

/** A server's answer, redirects followed. */
export interface Fetched {
  status: number;
  /** The reason phrase of the status. */
  reason: string;
  headers: Record<string, string | string[] | undefined>;
  body: Readable;
}
