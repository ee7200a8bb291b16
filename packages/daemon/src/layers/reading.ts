import { Readable } from 'node:stream';
import { buffersPassed } from '../base/buffers.ts';
import type { Run } from './helper.ts';

/**
 * The output of a helper as a stream that ends only when the helper succeeded: one that failed half-way fails the
 * stream.
 * Destroying it stops the helper.
 */
export function reading(run: Run<unknown>): Readable {
  const source = run.child.stdout as Readable;
  const out = new Readable({
    highWaterMark: 1 << 18,
    read() {
      source.resume();
    },
    destroy(error, done) {
      run.child.kill('SIGKILL');
      source.destroy();
      void run.ended.then(() => done(error));
    },
  });
  source.on('data', (chunk: Buffer) => {
    buffersPassed(chunk.length);
    if (!out.push(chunk)) source.pause();
  });
  source.on('error', () => undefined);
  void run.ended.then(() => {
    run.report.then(
      () => finish(),
      (error: Error) => out.destroy(error),
    );
  });
  const finish = () => {
    if (run.child.exitCode === 0) out.push(null);
    else
      out.destroy(
        run.failure() ?? new Error(`the helper ended with ${run.child.signalCode ?? run.child.exitCode}`),
      );
  };
  return out;
}

/** The report of a helper, and the output that follows it, as of `reading`. @throws what it reports. */
export async function reported<T>(run: Run<T>): Promise<{ report: T; tar: Readable }> {
  const tar = reading(run);
  try {
    return { report: await run.report, tar };
  } catch (error) {
    tar.destroy();
    throw error;
  }
}
