import { ignoreFilter } from '../../dockerfile/ignore.ts';
import type { Tree } from '../tree/tree.ts';
import type { FrontendOptions } from './options.ts';
import type { TakenSources } from './session/remembered.ts';

/** A folder that a build takes files from. */
export interface Folder {
  /** The folder's files: names and attributes at once, bytes when they are read. */
  files(): Promise<Tree>;
  /** The files that steps take of the folder, and took of it while it was the same; undefined where that is not remembered. */
  sources?: TakenSources;
}

/** The part of a client's folder that a build may need. */
export interface FolderRequest {
  /** The name that the client knows it by. */
  key: string;
  /** The title of the vertex that shows the transfer. */
  title: string;
  /** The text of its .dockerignore. */
  ignoreText: string;
  /** The paths that are needed; null for all. */
  follow: string[] | null;
  newTree: () => Promise<Tree>;
  /** Has something done when the build needs no files any more. */
  onClose: (work: () => void) => void;
}

/**
 * Reads a folder of the client's. Where all names and attributes in it are those of the last build, no file is looked at
 * before a step asks for one.
 */
export function clientFolder(options: FrontendOptions, request: FolderRequest): Promise<Folder> {
  const { session, progress, signal, remembered, solver } = options;
  const { key, ignoreText, follow } = request;
  const folder = JSON.stringify([key, follow]);
  const exclude = ignoreText
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  return progress.step(request.title, async (vertex) => {
    const told = await session.names({
      name: key,
      ...(exclude.length > 0 ? { exclude } : {}),
      ...(follow ? { follow } : {}),
      signal,
      onBytes: (total) => vertex.status(`transferring ${key}:`, total),
      onEnd: (total) => vertex.status(`transferring ${key}:`, total, 0, true),
    });
    request.onClose(() => told.end());
    const state = told.digest(ignoreText);
    const read = async () => {
      const tree = await request.newTree();
      const known = await remembered.load(session.shared, folder);
      const files = await told.into(tree, {
        known,
        onMiss: (work) => solver.whenMissed(work),
        onChanged: () => void remembered.forget(session.shared, folder),
      });
      await remembered.save(session.shared, folder, known, files);
      if (exclude.length > 0) await tree.removeAll(ignoreFilter(ignoreText));
      return tree;
    };
    const sources = remembered.sourcesOf(session.shared, folder, state);
    if (sources) {
      told.enough();
      let tree: Promise<Tree> | undefined;
      return { files: () => (tree ??= read()), sources };
    }
    const tree = await read();
    return { files: async () => tree, sources: remembered.beginSources(session.shared, folder, state) };
  });
}
