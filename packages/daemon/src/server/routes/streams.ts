import type { Readable, Writable } from 'node:stream';
import { invalidParameter } from '../../base/errors.ts';
import { SINCE } from '../shapes/since.ts';

export const RAW_STREAM = 'application/vnd.docker.raw-stream';
const MULTIPLEXED_STREAM = 'application/vnd.docker.multiplexed-stream';

/** The content type of output that is framed unless it is a terminal's. */
export function streamType(tty: boolean, version: number): string {
  return tty || version < SINCE.multiplexedType ? RAW_STREAM : MULTIPLEXED_STREAM;
}

/** Sends a source to a client to its end; an error cuts the reply, so that the client sees it is not whole. */
export function send(source: Readable, target: Writable): Promise<void> {
  return new Promise((resolve) => {
    source.on('error', () => {
      target.destroy();
      resolve();
    });
    target.on('error', () => target.destroy());
    target.on('close', () => {
      source.destroy();
      resolve();
    });
    target.on('finish', resolve);
    source.pipe(target);
  });
}

const MAX_SIDE = 2 ** 32 - 1;

/** Rows or columns. @throws invalid-parameter with dockerd's text */
export function parseSide(text: unknown, side: 'height' | 'width', version: number): number {
  const value = typeof text === 'string' ? text : '';
  if (version >= SINCE.namedSizes) {
    const digits = /^-?\d+$/.test(value);
    if (digits && !value.startsWith('-') && Number(value) <= MAX_SIDE) return Number(value);
    throw invalidParameter(
      `invalid resize ${side} ${JSON.stringify(value)}: ${digits ? 'value out of range' : 'invalid syntax'}`,
    );
  }
  if (!/^[+-]?\d+$/.test(value))
    throw invalidParameter(`strconv.Atoi: parsing ${JSON.stringify(value)}: invalid syntax`);
  return Number(value);
}
