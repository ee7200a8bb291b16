import { resolve } from 'node:path';
import type { Sent } from '@berth/grpc';
import { CliError } from '../base/errors.ts';
import { OciLayout } from './layout.ts';
import type { BuildOutput } from './outputs.ts';

/** The folders of this machine that a build reads caches from, and writes caches and images to. */
export interface Stores {
  layouts: Map<string, OciLayout>;
  /** Notes in the folders' indexes what was written. */
  finish(response: Record<string, string>): void;
}

/**
 * Finds the folders that a request names (`type=local` of caches, an archive with `tar=false`); returns it with what is to be told
 * of them. @throws CliError for one that lacks its folder.
 */
export function storesOf(
  request: Sent<'SolveRequest'>,
  outputs: readonly BuildOutput[],
): { stores: Stores; request: Sent<'SolveRequest'> } {
  const layouts = new Map<string, OciLayout>();
  const written: Array<{ layout: OciLayout; key: string; tag: string; encoded: boolean }> = [];
  const Exports = (request.Cache?.Exports ?? []).map((entry) => {
    if (entry.Type !== 'local') return entry;
    const dest = folderOf(entry.Attrs, 'dest');
    const layout = new OciLayout(dest);
    layouts.set(`local:${dest}`, layout);
    written.push({ layout, key: 'cache.manifest', tag: entry.Attrs?.['tag'] ?? 'latest', encoded: false });
    return { ...entry, Attrs: { ...entry.Attrs, dest } };
  });
  const Imports = (request.Cache?.Imports ?? []).flatMap((entry) => {
    if (entry.Type !== 'local') return [entry];
    const src = folderOf(entry.Attrs, 'src');
    const layout = layouts.get(`local:${src}`) ?? new OciLayout(src);
    const digest = entry.Attrs?.['digest'] ?? layout.find(entry.Attrs?.['tag'] ?? 'latest');
    // A cache that was not written yet is none.
    if (digest === undefined) return [];
    layouts.set(`local:${src}`, layout);
    return [{ ...entry, Attrs: { ...entry.Attrs, src, digest } }];
  });
  const folder = outputs.find(({ layout }) => layout !== undefined)?.layout;
  if (folder !== undefined) {
    const layout = new OciLayout(folder);
    layouts.set('export', layout);
    written.push({ layout, key: 'containerimage.descriptor', tag: 'latest', encoded: true });
  }
  const finish = (response: Record<string, string>) => {
    for (const { layout, key, tag, encoded } of written) {
      const text = response[key];
      if (!text) continue;
      layout.put(JSON.parse(encoded ? Buffer.from(text, 'base64').toString() : text), tag);
    }
  };
  return {
    stores: { layouts, finish },
    request: { ...request, Cache: { ...request.Cache, Exports, Imports } },
  };
}

function folderOf(attributes: Record<string, string> | null | undefined, name: 'dest' | 'src'): string {
  const given = attributes?.[name];
  if (given) return resolve(given);
  throw new CliError(
    name === 'dest'
      ? 'local cache exporter requires dest: add dest=FOLDER'
      : 'local cache importer requires src: add src=FOLDER',
  );
}
