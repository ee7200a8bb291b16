import { Readable } from 'node:stream';
import type { LogOptions } from '../../api.ts';
import { logPath } from '../../lifecycle/start.ts';
import type { Container } from '../../model/container.ts';
import type { Context } from '../../model/context.ts';
import { readSource } from './reader.ts';
import { closeSource, openSource, type Source } from './source.ts';
import { timeKey } from './transcode.ts';

/** A log whose files are open, so that what is written or rotated from now on changes nothing of what is read. */
export interface OpenedLog {
  /** The identity of the newest file, as `device:inode`; '' when there is none. */
  readonly file: string;
  /** The log up to `end` bytes of the newest file (default: what there was when it was opened). It is closed with the stream. */
  read(end?: number): Readable;
  close(): Promise<void>;
}

/** Opens a container's whole log, to be read as an attached client gets it. */
export async function openWholeLog(
  context: Context,
  container: Container,
  wanted: { stdout: boolean; stderr: boolean; signal: AbortSignal },
): Promise<OpenedLog> {
  const path = logPath(context, container);
  const source: Source = await openSource(path, -1);
  return {
    file: source.identity,
    read(end = source.size) {
      source.end = end;
      return Readable.from(
        readSource(path, source, {
          ...wanted,
          timestamps: false,
          details: false,
          raw: container.record.config.Tty,
          cri: isCri(container),
          since: '',
          until: '',
          tail: -1,
          follow: false,
          growing: () => false,
          deadline: Number.POSITIVE_INFINITY,
        }),
        { objectMode: false, highWaterMark: 256 * 1024 },
      );
    },
    close: () => closeSource(source),
  };
}

const isCri = ({ record }: Container): boolean => Boolean(record.pod?.log);

/**
 * A container's log as the API sends it. Its files are open then: a client that is told so and removes the container before it
 * reads has all the same what there was. Following ends with the run that is under way.
 */
export async function openLog(
  context: Context,
  container: Container,
  options: LogOptions,
): Promise<Readable> {
  const { startedAt } = container.state;
  // A time before 1970 comes before every line; 0 is no time.
  const until = options.until < 0n ? 1n : options.until;
  const path = logPath(context, container);
  const source = await openSource(path, options.tail);
  const opened = Readable.from(
    readSource(path, source, {
      stdout: options.stdout,
      stderr: options.stderr,
      timestamps: options.timestamps,
      details: options.details,
      raw: container.record.config.Tty,
      cri: isCri(container),
      get chunks() {
        return options.chunks?.();
      },
      since: options.since > 0n ? timeKey(options.since) : '',
      until: until > 0n ? timeKey(until) : '',
      tail: options.tail,
      follow: options.follow,
      growing: () => container.alive && container.state.startedAt === startedAt,
      deadline: until > 0n ? Number(until / 1_000_000n) : Number.POSITIVE_INFINITY,
      signal: options.signal,
    }),
    { objectMode: false, highWaterMark: 256 * 1024 },
  );
  // One that nobody begins to read does not close them itself.
  opened.once('close', () => void closeSource(source));
  return opened;
}
