import { sha256 } from '../../steps.ts';

/** BuildKit's text for a source that is not in its context, image or stage; undefined for another error. */
export function missingSource(error: Error, title: string): string | undefined {
  const path = /stat (.*): file does not exist/.exec(error.message)?.[1];
  if (path === undefined) return undefined;
  const ref = `${sha256(title).slice(0, 25)}::${sha256(error.message).slice(0, 25)}`;
  return `failed to calculate checksum of ref ${ref}: "/${path.replace(/^\/+/, '')}": not found`;
}
