import type { IncomingHttpHeaders } from 'node:http';
import type { Duplex } from 'node:stream';
import { BerthError } from '../../../base/errors.ts';
import { Session } from './session.ts';

/** The sessions that are open now. */
export class Sessions {
  private readonly open = new Map<string, Session>();
  private readonly waiting = new Map<string, Array<(session: Session) => void>>();

  /** Takes a connection in until it ends (POST /session). */
  async serve(connection: Duplex, headers: IncomingHttpHeaders, methods: string[]): Promise<void> {
    const id = String(headers['x-docker-expose-session-uuid'] ?? '');
    if (id === '') throw new BerthError('invalid-parameter', 'X-Docker-Expose-Session-Uuid is missing');
    const session = new Session(
      id,
      connection,
      methods,
      String(headers['x-docker-expose-session-sharedkey'] ?? ''),
    );
    this.open.set(id, session);
    for (const resolve of this.waiting.get(id) ?? []) resolve(session);
    this.waiting.delete(id);
    await session.client.closed;
    if (this.open.get(id) === session) this.open.delete(id);
  }

  /** The session of that id, which may be on its way. @throws BerthError after 10 s. */
  async get(id: string): Promise<Session> {
    const key = id.split(':').at(-1)!;
    const found = this.open.get(key);
    if (found) return found;
    return new Promise((resolve, reject) => {
      const list = this.waiting.get(key) ?? [];
      const timer = setTimeout(
        () => reject(new BerthError('not-found', `no active session for ${key}`)),
        10_000,
      );
      list.push((session) => {
        clearTimeout(timer);
        resolve(session);
      });
      this.waiting.set(key, list);
    });
  }
}
