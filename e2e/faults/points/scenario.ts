import { createConnection } from 'node:net';
import { join } from 'node:path';
import { cri } from '../../../packages/grpc/src/cri.ts';
import { GrpcClient, GrpcError } from '../../../packages/grpc/src/index.ts';
import type { TestDaemon } from '../../support/daemon.ts';
import { call, Lost } from '../connection.ts';

// biome-ignore lint/suspicious/noExplicitAny: a scenario says what it expects of an answer
export type Said = any;

/** The requests of a scenario. */
export class Hand {
  readonly daemon: TestDaemon;

  constructor(daemon: TestDaemon) {
    this.daemon = daemon;
  }

  /** @returns the answer to a request that does well. @throws Refused, Lost, Hung */
  async ask(method: string, path: string, body?: Buffer | object): Promise<Said> {
    const { status, text, json } = await call(this.daemon.socket, { method, path, body });
    const failed = /"error":"((?:[^"\\]|\\.)*)"/.exec(text.slice(-2000))?.[1];
    if (status >= 400 || failed !== undefined)
      throw new Refused(status, `${method} ${path}: ${status} ${failed ?? text}`);
    return json;
  }

  post = (path: string, body?: Buffer | object) => this.ask('POST', path, body);
  delete = (path: string) => this.ask('DELETE', path);

  create(name: string, body: Record<string, unknown> = {}): Promise<Said> {
    return this.post(`/containers/create?name=${name}`, {
      Image: 'bb:latest',
      Cmd: ['sleep', '1000'],
      ...body,
    });
  }

  async run(name: string, body: Record<string, unknown> = {}): Promise<void> {
    await this.create(name, body);
    await this.post(`/containers/${name}/start`);
  }

  /** One call of the Container Runtime Interface. @throws Refused, Lost */
  async cri(name: string, message: Record<string, unknown> = {}): Promise<Said> {
    const socket = createConnection(join(this.daemon.folder, 'cri.sock'));
    const client = new GrpcClient(socket, cri);
    try {
      const path = `/runtime.v1.RuntimeService/${name}`;
      return await client.unary(
        path,
        `${name}Request` as never,
        `${name}Response` as never,
        message as never,
      );
    } catch (error) {
      if (error instanceof GrpcError && error.code !== 14)
        throw new Refused(500, `${name}: ${error.message}`);
      throw new Lost((error as Error).message);
    } finally {
      client.destroy();
    }
  }
}

/** An answer that says that it was not done. */
export class Refused extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** One operation whose every step is hit. */
export interface Scenario {
  name: string;
  /** Brings about what the operation needs. */
  before?(hand: Hand): Promise<unknown>;
  act(hand: Hand): Promise<unknown>;
  /**
   * Whether a picture that is neither that of before nor that of after may be there: what the operation does in several
   * steps, each of which a user can see.
   */
  between?(lines: string[]): boolean;
  /** It makes an end of something, and is done and answered well though nothing can be recorded. */
  ends?: true;
}
