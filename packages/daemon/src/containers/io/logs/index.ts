import { Readable } from 'node:stream';
import type { LogOptions } from '../../api.ts';
import { logPath } from '../../lifecycle/startup.ts';
import type { Container } from '../../model/container.ts';
import type { Context } from '../../model/context.ts';
import { readLog } from './reader.ts';
import { timeKey } from './transcode.ts';

/** A container's log as the API sends it. Following ends with the run that is under way. */
export function openLog(_context: Context, container: Container, options: LogOptions): Readable {
  const { startedAt } = container.state;
  return Readable.from(
    readLog(logPath(container), {
      stdout: options.stdout,
      stderr: options.stderr,
      timestamps: options.timestamps,
      details: options.details,
      raw: container.record.config.Tty,
      get chunks() {
        return options.chunks?.();
      },
      since: options.since > 0n ? timeKey(options.since) : '',
      until: options.until > 0n ? timeKey(options.until) : '',
      tail: options.tail,
      follow: options.follow,
      growing: () => container.alive && container.state.startedAt === startedAt,
      deadline: options.until > 0n ? Number(options.until / 1_000_000n) : Number.POSITIVE_INFINITY,
      signal: options.signal,
    }),
    { objectMode: false, highWaterMark: 256 * 1024 },
  );
}
