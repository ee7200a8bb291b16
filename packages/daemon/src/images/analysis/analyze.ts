import type { LayerReader } from '../../layers/api.ts';
import type { AnalysisCount, AnalysisLayer, AnalysisPath, ImageAnalysis } from '../api.ts';
import { compareContents } from './content.ts';
import { hintsOf, sameContent } from './hints.ts';
import type { AnalysisJob } from './job.ts';
import { type FileRecord, type Hiding, MergedTree } from './merge.ts';
import { Largest, SlicedWork } from './slicing.ts';

const TOP = 20;
const TOP_LIMIT = 1000;

/**
 * Looks into the layers of an image: what each adds, changes, hides and wastes, what is largest, what is there twice and
 * what could go. Reads every layer's headers, and the contents of those files that must be compared.
 */
export async function analyzeLayers(
  layers: LayerReader,
  { id, name, diffIds, steps, top: wanted = TOP }: AnalysisJob,
  signal: AbortSignal,
): Promise<ImageAnalysis> {
  const top = Math.min(Math.max(wanted, 0), TOP_LIMIT);
  const slices = new SlicedWork(signal);
  const tree = new MergedTree(slices);
  for (const diffId of diffIds) await tree.put(layers.entries(diffId));
  await compareContents(layers, diffIds, tree, slices, signal);

  const files = new Largest<FileRecord>(top);
  let visible = 0;
  await slices.each(tree.visible(), (file) => {
    if (file.type !== 'file') return;
    visible += file.size;
    files.add(file);
  });
  const size = tree.layers.reduce((sum, layer) => sum + layer.size, 0);
  let wasted = 0;
  await slices.each(tree.hidings, ({ file }) => {
    wasted += file.size;
  });
  const duplicates = await duplicatesOf(tree, top, slices);
  const directories = await tree.directories(top);
  return {
    Id: id,
    Name: name,
    Size: size,
    VisibleSize: visible,
    WastedSize: wasted,
    Score: size === 0 ? 100 : Math.floor(100 * (1 - wasted / size)),
    Layers: await describeLayers(diffIds, steps, tree, top, slices),
    LargestDirectories: bySize(directories.map(({ path, size }) => ({ Path: path, Size: size }))),
    LargestFiles: bySize(files.take().map(asPath)),
    Wasted: await wastedPaths(tree.hidings, top, slices),
    Duplicates: duplicates.slice(0, top),
    Hints: await hintsOf(tree, duplicates, top, slices),
  };
}

const asPath = (file: FileRecord): AnalysisPath => ({ Path: file.path, Size: file.size, Layer: file.layer });

/** Most bytes first, then by the path. */
function bySize<T extends { Path: string; Size: number }>(paths: T[]): T[] {
  return paths.sort((left, right) => right.Size - left.Size || (left.Path < right.Path ? -1 : 1));
}

async function describeLayers(
  diffIds: readonly string[],
  steps: readonly string[],
  tree: MergedTree,
  top: number,
  slices: SlicedWork,
): Promise<AnalysisLayer[]> {
  const hidden = tree.layers.map((): AnalysisCount => ({ Files: 0, Size: 0 }));
  const wasted = tree.layers.map((): AnalysisCount => ({ Files: 0, Size: 0 }));
  await slices.each(tree.hidings, ({ file, by }) => {
    for (const count of [hidden[by]!, wasted[file.layer]!]) {
      count.Files += 1;
      count.Size += file.size;
    }
  });
  const largest = tree.layers.map(() => new Largest<FileRecord>(Math.min(top, 10)));
  await slices.each(tree.files, (file) => largest[file.layer]!.add(file));
  return tree.layers.map((layer, index) => ({
    Index: index,
    DiffId: diffIds[index]!,
    CreatedBy: steps[index] ?? '',
    Size: layer.size,
    Files: layer.files,
    Added: { Files: layer.added.files, Size: layer.added.size },
    Changed: { Files: layer.changed.files, Size: layer.changed.size },
    Hidden: hidden[index]!,
    Wasted: wasted[index]!,
    Largest: bySize(largest[index]!.take().map(asPath)),
  }));
}

async function wastedPaths(
  hidings: readonly Hiding[],
  top: number,
  slices: SlicedWork,
): Promise<ImageAnalysis['Wasted']> {
  interface Path {
    size: number;
    last: Hiding;
    layers: number[];
  }
  const paths = new Map<string, Path>();
  await slices.each(hidings, (hiding) => {
    const { file, above } = hiding;
    const known = paths.get(file.path) ?? { size: 0, last: hiding, layers: [] };
    known.size += file.size;
    // The last layer that had a say tells how the path ended.
    known.last = hiding;
    for (const layer of [file.layer, ...(above?.path === file.path ? [above.layer] : [])])
      if (!known.layers.includes(layer)) known.layers.push(layer);
    paths.set(file.path, known);
  });
  const largest = new Largest<Path>(top);
  await slices.each(paths.values(), (path) => {
    if (path.size > 0) largest.add(path);
  });
  return bySize(
    largest.take().map(({ size, last, layers }) => ({
      Path: last.file.path,
      Size: size,
      Layers: layers,
      Reason: !last.above ? 'deleted' : sameContent(last) ? 'metadata' : 'replaced',
    })),
  );
}

/** Files of one content, those first that waste most; of each some of their paths. */
async function duplicatesOf(
  tree: MergedTree,
  top: number,
  slices: SlicedWork,
): Promise<ImageAnalysis['Duplicates']> {
  const groups = new Map<string, FileRecord[]>();
  await slices.each(tree.visible(), (file) => {
    if (file.type !== 'file' || file.digest === undefined) return;
    const same = groups.get(file.digest);
    if (same) same.push(file);
    else groups.set(file.digest, [file]);
  });
  const duplicates: ImageAnalysis['Duplicates'] = [];
  await slices.each(groups, ([digest, same]) => {
    if (same.length < 2) return;
    const { size } = same[0]!;
    duplicates.push({
      Digest: digest,
      Size: size,
      Wasted: size * (same.length - 1),
      Count: same.length,
      Paths: same
        .slice(0, Math.max(top, 1))
        .map((file) => file.path)
        .sort(),
    });
  });
  return duplicates.sort((left, right) => right.Wasted - left.Wasted);
}
