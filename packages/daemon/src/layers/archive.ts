import type { Readable } from 'node:stream';
import { unavailable } from '../errors.ts';
import type { Archive, Change } from './face.ts';
import type { Helper } from './helper.ts';
import type { Writables } from './writable.ts';

export interface Target {
  pid?: number;
  binds?: Array<{ source: string; destination: string; readonly: boolean }>;
}

/** A container's files, by way of a helper that has entered its root. */
export function openArchive(
  helper: Helper,
  writables: Writables,
  owner: string,
  target: Target,
): Archive & { changes(): Promise<Change[]>; diffTar(): Promise<Readable> } {
  void [helper, writables, owner, target];
  const absent = async (): Promise<never> => {
    throw unavailable('container files cannot be read yet');
  };
  return { stat: absent, get: absent, put: absent, export: absent, changes: absent, diffTar: absent };
}
