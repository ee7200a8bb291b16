// Loaded into a daemon under test (`--import`): writes each JSON response that it sends, a line each, into the file that
// BERTH_TEST_RESPONSES names. They are held against the API document when the daemon is disposed of.
import { openSync, writeSync } from 'node:fs';
import { Server, ServerResponse } from 'node:http';
import { isMainThread } from 'node:worker_threads';

/** Bytes of a response that are kept; a longer one is not looked at. */
const MOST = 1024 * 1024;

if (isMainThread && process.env.BERTH_TEST_RESPONSES) record(process.env.BERTH_TEST_RESPONSES);

function record(path) {
  const file = openSync(path, 'a');
  // Programs that the daemon starts are none of these.
  delete process.env.BERTH_TEST_RESPONSES;
  delete process.env.NODE_OPTIONS;
  /** Paths as they were asked for: a router rewrites the request's own. */
  const asked = new WeakMap();
  const kept = new WeakMap();

  const { emit } = Server.prototype;
  Server.prototype.emit = function (name, request, ...rest) {
    if (name === 'request') asked.set(request, request.url);
    return emit.call(this, name, request, ...rest);
  };

  const keep = (response, chunk) => {
    if (chunk === null || chunk === undefined || typeof chunk === 'function') return;
    const parts = kept.get(response) ?? { parts: [], size: 0 };
    kept.set(response, parts);
    parts.size += chunk.length;
    if (parts.size <= MOST) parts.parts.push(Buffer.from(chunk));
  };
  const { write, end, writeHead } = ServerResponse.prototype;
  ServerResponse.prototype.writeHead = function (status, ...rest) {
    const headers = rest.at(-1) ?? {};
    this.berthType = headers['Content-Type'];
    return writeHead.call(this, status, ...rest);
  };
  ServerResponse.prototype.write = function (chunk, ...rest) {
    if (this.berthType?.startsWith('application/json')) keep(this, chunk);
    return write.call(this, chunk, ...rest);
  };
  ServerResponse.prototype.end = function (chunk, ...rest) {
    const url = asked.get(this.req);
    if (url !== undefined && !this.writableEnded) {
      asked.delete(this.req);
      const type = this.berthType;
      if (type?.startsWith('application/json')) keep(this, chunk);
      const { parts, size } = kept.get(this) ?? { parts: [], size: 0 };
      if (size <= MOST)
        writeSync(
          file,
          `${JSON.stringify({ method: this.req.method, url, status: this.statusCode, type, body: Buffer.concat(parts).toString() })}\n`,
        );
    }
    return end.call(this, chunk, ...rest);
  };
}
