import { type IncomingMessage, Agent as PlainAgent, request as plainRequest } from 'node:http';
import { Agent as TlsAgent, request as tlsRequest } from 'node:https';
import type { ConnectionOptions } from 'node:tls';
import { networkError } from '../../base/network-errors.ts';

export interface HttpAnswer {
  status: number;
  statusText: string;
  headers: IncomingMessage['headers'];
  body: string;
}

/** How long a request may take, in milliseconds. */
const PATIENCE = 30_000;
/** How much of an answer is read, in bytes. */
const ANSWER_MOST = 64 * 1024;

/** Requests to one server, over connections that are kept. Proxies are taken from the daemon's environment. */
export class HttpClient {
  private readonly agent: PlainAgent | TlsAgent;
  private readonly patience: number;

  constructor(url: URL, tls: ConnectionOptions = {}, patience = PATIENCE) {
    const shared = { keepAlive: true, proxyEnv: process.env };
    this.agent = url.protocol === 'https:' ? new TlsAgent({ ...shared, ...tls }) : new PlainAgent(shared);
    this.patience = patience;
  }

  /** Sends a request and reads its answer. @throws NetworkError in the words of Go's net/http when there is none */
  request(method: string, url: URL, headers: Record<string, string>, body?: Buffer): Promise<HttpAnswer> {
    const send = url.protocol === 'https:' ? tlsRequest : plainRequest;
    const length = body === undefined ? {} : { 'Content-Length': String(body.length) };
    return new Promise((resolve, reject) => {
      const asked = send(url, {
        method,
        agent: this.agent,
        headers: { ...headers, ...length },
        signal: AbortSignal.timeout(this.patience),
      });
      const fail = (error: unknown) => reject(networkError(method, url, error));
      asked.on('error', fail);
      asked.on('response', (answer) => {
        const blocks: Buffer[] = [];
        let size = 0;
        answer.on('data', (block: Buffer) => {
          if (size < ANSWER_MOST) blocks.push(block);
          size += block.length;
        });
        answer.on('error', fail);
        answer.on('end', () =>
          resolve({
            status: answer.statusCode ?? 0,
            statusText: answer.statusMessage ?? '',
            headers: answer.headers,
            body: Buffer.concat(blocks).toString(),
          }),
        );
      });
      asked.end(body);
    });
  }

  close(): void {
    this.agent.destroy();
  }
}
