import type { LayerEntry, Layers } from '../../layers/api.ts';
import type { AnalysisCount, AnalysisLayer, AnalysisPath, ImageAnalysis } from '../api.ts';
import type { Entry } from '../catalogue.ts';
import { compareContents } from './content.ts';
import { hintsOf, sameContent } from './hints.ts';
import { type FileRecord, type Hiding, MergedTree } from './merge.ts';

const TOP = 20;
const TOP_LIMIT = 1000;

/**
 * Looks into the layers of an image: what each adds, changes, hides and wastes, what is largest, what is there twice and
 * what could go. Reads every layer's headers, and the contents of those files that must be compared.
 */
export async function analyzeImage(
  layers: Layers,
  image: Entry,
  name: string,
  options: { top?: number; signal?: AbortSignal } = {},
): Promise<ImageAnalysis> {
  const top = Math.min(Math.max(options.top ?? TOP, 0), TOP_LIMIT);
  const diffIds = image.config.rootfs.diff_ids;
  const tree = new MergedTree();
  for (const diffId of diffIds) {
    const entries: LayerEntry[] = [];
    for await (const entry of layers.entries(diffId)) {
      options.signal?.throwIfAborted();
      entries.push(entry);
    }
    tree.add(entries);
  }
  await compareContents(layers, diffIds, tree, options.signal);

  const visible = [...tree.visible()].filter((file) => file.type === 'file');
  const size = tree.layers.reduce((sum, layer) => sum + layer.size, 0);
  const wastedSize = tree.hidings.reduce((sum, { file }) => sum + file.size, 0);
  const duplicates = duplicatesOf(visible);
  return {
    Id: image.id,
    Name: name,
    Size: size,
    VisibleSize: visible.reduce((sum, file) => sum + file.size, 0),
    WastedSize: wastedSize,
    Score: size === 0 ? 100 : Math.floor(100 * (1 - wastedSize / size)),
    Layers: describeLayers(image, tree, top),
    LargestDirectories: bySize(
      tree.directories().map(({ path, size }) => ({ Path: path, Size: size })),
      top,
    ),
    LargestFiles: bySize(visible.map(asPath), top),
    Wasted: wastedPaths(tree.hidings).slice(0, top),
    Duplicates: duplicates.slice(0, top),
    Hints: hintsOf(tree.files, visible, tree.hidings, duplicates, top),
  };
}

const asPath = (file: FileRecord): AnalysisPath => ({ Path: file.path, Size: file.size, Layer: file.layer });

function bySize(paths: AnalysisPath[], top: number): AnalysisPath[] {
  return paths
    .sort((left, right) => right.Size - left.Size || (left.Path < right.Path ? -1 : 1))
    .slice(0, top);
}

function describeLayers(image: Entry, tree: MergedTree, top: number): AnalysisLayer[] {
  const steps = (image.config.history ?? []).filter((step) => !step.empty_layer);
  const hidden = tree.layers.map((): AnalysisCount => ({ Files: 0, Size: 0 }));
  const wasted = tree.layers.map((): AnalysisCount => ({ Files: 0, Size: 0 }));
  for (const { file, by } of tree.hidings)
    for (const count of [hidden[by]!, wasted[file.layer]!]) {
      count.Files += 1;
      count.Size += file.size;
    }
  const files = Map.groupBy(tree.files, (file) => file.layer);
  return tree.layers.map((layer, index) => ({
    Index: index,
    DiffId: image.config.rootfs.diff_ids[index]!,
    CreatedBy: steps[index]?.created_by ?? '',
    Size: layer.size,
    Files: layer.files,
    Added: { Files: layer.added.files, Size: layer.added.size },
    Changed: { Files: layer.changed.files, Size: layer.changed.size },
    Hidden: hidden[index]!,
    Wasted: wasted[index]!,
    Largest: bySize((files.get(index) ?? []).map(asPath), Math.min(top, 10)),
  }));
}

function wastedPaths(hidings: readonly Hiding[]): ImageAnalysis['Wasted'] {
  const paths = new Map<string, ImageAnalysis['Wasted'][number]>();
  for (const hiding of hidings) {
    const { file, above } = hiding;
    const reason = !above ? 'deleted' : sameContent(hiding) ? 'metadata' : 'replaced';
    const known = paths.get(file.path) ?? { Path: file.path, Size: 0, Layers: [], Reason: reason };
    known.Size += file.size;
    // The last layer that had a say tells how the path ended.
    known.Reason = reason;
    for (const layer of [file.layer, ...(above?.path === file.path ? [above.layer] : [])])
      if (!known.Layers.includes(layer)) known.Layers.push(layer);
    paths.set(file.path, known);
  }
  return [...paths.values()]
    .filter(({ Size }) => Size > 0)
    .sort((left, right) => right.Size - left.Size || (left.Path < right.Path ? -1 : 1));
}

function duplicatesOf(visible: readonly FileRecord[]): ImageAnalysis['Duplicates'] {
  const groups = Map.groupBy(
    visible.filter((file) => file.digest !== undefined),
    (file) => file.digest!,
  );
  const duplicates: ImageAnalysis['Duplicates'] = [];
  for (const [digest, same] of groups)
    if (same.length > 1)
      duplicates.push({
        Digest: digest,
        Size: same[0]!.size,
        Wasted: same[0]!.size * (same.length - 1),
        Paths: same.map((file) => file.path).sort(),
      });
  return duplicates.sort((left, right) => right.Wasted - left.Wasted);
}
