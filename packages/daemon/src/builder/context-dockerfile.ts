import { invalidParameter } from '../base/errors.ts';
import { ignoreFilter } from '../dockerfile/ignore.ts';
import { parseInSlices } from '../dockerfile/parse.ts';
import type { Dockerfile } from '../dockerfile/types.ts';
import type { Tree } from './tree/tree.ts';

/** Parses a Dockerfile. @throws invalid-parameter with the words that dockerd puts before what its parser says. */
export async function readDockerfile(text: string, name: string): Promise<Dockerfile> {
  try {
    return await parseInSlices(text);
  } catch (error) {
    throw invalidParameter(`failed to parse ${name}: ${(error as Error).message}`, error);
  }
}

/** The Dockerfile's path in the context; lower case where the usual name is missing. @throws invalid-parameter. */
export async function dockerfilePath(context: Tree, name: string): Promise<string> {
  for (const candidate of name === 'Dockerfile' ? [name, 'dockerfile'] : [name]) {
    const resolved = context.resolve(candidate);
    if (resolved?.escapes) throw invalidParameter(`forbidden path outside the build context: ${name} ()`);
    if (resolved && context.entries.get(resolved.path)?.type === 'file') return resolved.path;
  }
  throw invalidParameter(`Cannot locate specified Dockerfile: ${name}`);
}

/** A client sends the Dockerfile and .dockerignore even where they are ignored: then no COPY sees them. */
export async function dropIgnored(context: Tree, dockerfile: string): Promise<void> {
  const entry = context.entries.get('.dockerignore');
  if (entry?.type !== 'file') return;
  const ignored = ignoreFilter((await context.readAll(entry)).toString());
  for (const path of ['.dockerignore', dockerfile]) if (ignored(path)) context.remove(path);
}
