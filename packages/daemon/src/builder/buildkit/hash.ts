import { createHash } from 'node:crypto';

/** A key of the build cache: the SHA-256 of a value's JSON. */
export const hash = (value: unknown) => createHash('sha256').update(JSON.stringify(value)).digest('hex');
