import type { IncomingMessage } from 'node:http';
import { invalidParameter } from '../base/errors.ts';
import { jsonProblem, parseJson } from '../base/go-json.ts';

/** Bodies that are JSON are settings, not data: more than this is refused. */
const LIMIT = 8 * 1024 * 1024;

/** The content types that are malformed, by request. */
const odd = new WeakMap<IncomingMessage, string>();

/** Puts a content type that is none aside: the framework would refuse it in words of its own, `readJson` does in dockerd's. */
export function putOddTypeAside(request: IncomingMessage): void {
  const type = request.headers['content-type'];
  if (type === undefined || /^\s*[^\s/;]+\/[^\s/;]+\s*(;|$)/.test(type)) return;
  odd.set(request, type);
  request.headers['content-type'] = 'application/octet-stream';
}

/**
 * Reads a request's JSON body; undefined when there is none.
 * @throws invalid-parameter with dockerd's texts for another content type and for what is not one JSON value.
 */
export async function readJson(request: IncomingMessage): Promise<unknown> {
  const type = odd.get(request) ?? request.headers['content-type'];
  const length = request.headers['content-length'];
  const chunked = request.headers['transfer-encoding'] !== undefined;
  const empty = !chunked && (length === undefined || Number(length) === 0);
  if (type === undefined && empty) return undefined;
  checkType(type ?? '');
  if (empty) return undefined;
  const text = await readText(request);
  try {
    return parseJson(text);
  } catch (error) {
    if (text.trim() === '') throw invalidParameter('invalid JSON: got EOF while reading request body');
    const { kind, message } = jsonProblem(text, error);
    throw invalidParameter(kind === 'trailing' ? message : `invalid JSON: ${message}`);
  }
}

/** A content type is read only up to here: what follows is matched in more than linear time. */
const LONGEST_TYPE = 1024;

/** `; name=value` of a media type, the value a word or in quotes. */
const PARAMETERS = /^(\s*;\s*[^\s=;"]+=([^\s;"]+|"[^"]*"))*\s*;?\s*$/;

function checkType(header: string): void {
  const type = header.split(';', 1)[0]!.trim().toLowerCase();
  if (!/^[^\s/()<>@,;:\\"[\]?=]+(\/[^\s/()<>@,;:\\"[\]?=]+)?$/.test(type))
    throw invalidParameter(
      `malformed Content-Type header (${header.slice(0, LONGEST_TYPE)}): mime: no media type`,
    );
  if (header.length > LONGEST_TYPE || !PARAMETERS.test(header.slice(header.split(';', 1)[0]!.length)))
    throw invalidParameter(
      `malformed Content-Type header (${header.slice(0, LONGEST_TYPE)}): mime: invalid media parameter`,
    );
  if (type !== 'application/json')
    throw invalidParameter(`unsupported Content-Type header (${header}): must be 'application/json'`);
}

const gone = () => invalidParameter('the client ended the connection within its request');

function readText(request: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > LIMIT) {
        // The rest of the body is read and forgotten: a client that goes on writing could not read the answer.
        chunks.length = 0;
        reject(invalidParameter('the request body is too large'));
      } else chunks.push(chunk);
    });
    request.on('end', () => resolve((chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)).toString()));
    // Node's `aborted`: the client went.
    request.on('error', () => reject(gone()));
    request.on('close', () => reject(gone()));
  });
}
