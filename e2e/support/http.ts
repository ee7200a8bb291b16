import { request as httpRequest } from 'node:http';

/** One answer of the API. */
export interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: a test says what it expects of a reply
  json: any;
}

/** A body of a request, and the headers that tell of it. */
export interface Body {
  bytes?: Buffer;
  headers: Record<string, string>;
}

/** Bytes of a type. */
export const bodyOf = (bytes: Buffer, type: string): Body => ({
  bytes,
  headers: { 'content-type': type, 'content-length': String(bytes.length) },
});

/** The body that is sent for a value: a Buffer is a tar as it is, anything else goes as JSON. */
export function encoded(value: unknown): Body {
  if (value === undefined) return { headers: {} };
  return Buffer.isBuffer(value)
    ? bodyOf(value, 'application/x-tar')
    : bodyOf(Buffer.from(JSON.stringify(value)), 'application/json');
}

/** One request on a unix socket; the body is sent as JSON, or as it is when it is a Buffer. */
export function call(
  socketPath: string,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const sent = encoded(body);
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      {
        socketPath,
        method,
        path,
        agent: false,
        headers: { ...sent.headers, ...headers },
      },
      (response) => {
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part));
        response.on('error', reject);
        response.on('end', () => {
          const text = Buffer.concat(parts).toString();
          let json: unknown;
          try {
            json = JSON.parse(text);
          } catch {
            json = undefined;
          }
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text, json });
        });
      },
    );
    request.on('error', reject);
    request.end(sent.bytes);
  });
}

/** As `call`, for a reply of bytes. */
export function raw(
  socketPath: string,
  method: string,
  path: string,
): Promise<{ status: number; body: Buffer }> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ socketPath, method, path, agent: false }, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(parts) }));
    });
    request.on('error', reject);
    request.end();
  });
}
