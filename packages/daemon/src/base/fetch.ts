import type { Fetched, Proxies, Sending } from './fetched.ts';

export type { Fetched, Proxies, Sending };

/**
 * Gets what a user named (ADD, a remote context, import) by HTTP. Not the global fetch: that one refuses ports that a
 * browser should not talk to.
 * @throws system with Go's text when the server cannot be talked to.
 */
export type Fetch = (address: string | URL, signal: AbortSignal, sending?: Sending) => Promise<Fetched>;

/** A fetch through the daemon's proxies; its HTTP client is loaded when it is first used. */
export function fetchThrough(proxies: Proxies): Fetch {
  return async (address, signal, sending) =>
    (await import('./http-get.ts')).httpGet(proxies, address, signal, sending);
}
