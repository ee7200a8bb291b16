import { readdirSync, readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { extname, join } from 'node:path';

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/**
 * Sent with everything: the page runs its own files alone, none of them inline, shows itself in no other page and speaks to
 * nobody but this server.
 */
export const guards = (host: string): Record<string, string> => ({
  'Content-Security-Policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    // Older browsers do not count a WebSocket to the same host as 'self'.
    `connect-src 'self' ws://${host}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; '),
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Cache-Control': 'no-store',
});

/** The page's files, all read at the start: an upgrade of the program does not change a page that is open. */
export class PageFiles {
  private readonly files: ReadonlyMap<string, Buffer>;

  /** Throws when the folder cannot be read. */
  constructor(folder: string) {
    const names = readdirSync(folder).filter((name) => TYPES[extname(name)] !== undefined);
    this.files = new Map(names.map((name) => [name, readFileSync(join(folder, name))]));
  }

  /** Answers with a file. */
  send(response: ServerResponse, name: string, status = 200): void {
    const bytes = this.files.get(name);
    if (!bytes) {
      response.writeHead(404, { 'Content-Type': 'text/plain; charset=utf-8' }).end('no such file\n');
      return;
    }
    response.writeHead(status, { 'Content-Type': TYPES[extname(name)]!, 'Content-Length': bytes.length });
    response.end(bytes);
  }
}
