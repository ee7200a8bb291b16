import type { Readable, Writable } from 'node:stream';
import { BerthError } from '../base/errors.ts';
import type { Run } from './helper.ts';

/** Writes a stream to a helper and waits for its end. A stream that breaks off, or `signal`, ends the helper. @throws its error */
export async function fed(run: Run<object>, body: Readable, signal?: AbortSignal): Promise<void> {
  const stdin = run.child.stdin as Writable;
  stdin.on('error', () => undefined); // the helper's report tells why it stopped reading
  const abort = () => run.child.kill('SIGKILL');
  signal?.addEventListener('abort', abort, { once: true });
  const broken = new Promise<never>((_resolve, reject) => {
    body.on('error', reject);
    body.on('close', () => {
      if (!body.readableEnded) reject(body.errored ?? new BerthError('invalid-parameter', 'unexpected EOF'));
    });
  });
  broken.catch(() => undefined);
  body.pipe(stdin);
  try {
    await Promise.race([run.report, broken]);
    await run.ended;
  } catch (error) {
    abort();
    await run.ended;
    body.unpipe();
    body.destroy();
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}
