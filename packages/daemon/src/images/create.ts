import { notFound, unavailable } from '../base/errors.ts';
import { VERSION } from '../base/version.ts';
import type { Layers } from '../layers/api.ts';
import { EMPTY_LAYER } from '../layers/index.ts';
import type { CreateOptions, ImageConfig } from './api.ts';
import type { Catalogue, Entry } from './catalogue.ts';
import { digestOf, dockerConfig, parseConfig, timestamp } from './config.ts';
import type { ImagesContext } from './context.ts';
import { imageEvent } from './events.ts';
import { hostPlatform } from './platforms.ts';
import { familiarString, parseRepositoryTag } from './references.ts';

/**
 * The configuration of an image made here (commit, classic build): its parent's layers and history with one step more.
 * An empty layer is a step of the history only, as with dockerd.
 */
function childConfig(parent: Entry | undefined, options: CreateOptions): string {
  const base = parent?.config;
  const { layer, history } = options;
  const empty = layer === undefined || layer.diffId === EMPTY_LAYER;
  const created = timestamp();
  const variant = options.variant ?? base?.variant ?? (base ? undefined : hostPlatform.variant);
  const diffIds = base?.rootfs.diff_ids ?? [];
  return JSON.stringify({
    architecture: options.architecture || base?.architecture || hostPlatform.architecture,
    ...(variant ? { variant } : {}),
    ...(history.author ? { author: history.author } : {}),
    ...(history.comment ? { comment: history.comment } : {}),
    config: dockerConfig(options.config),
    created,
    docker_version: VERSION,
    history: [
      ...(base?.history ?? []),
      {
        created,
        ...(history.author ? { author: history.author } : {}),
        ...(history.created_by ? { created_by: history.created_by } : {}),
        ...(history.comment ? { comment: history.comment } : {}),
        ...(empty ? { empty_layer: true } : {}),
      },
    ],
    os: options.os || base?.os || hostPlatform.os,
    ...(base?.['os.version'] ? { 'os.version': base['os.version'] } : {}),
    ...(base?.['os.features'] ? { 'os.features': base['os.features'] } : {}),
    rootfs: { type: 'layers', diff_ids: empty ? diffIds : [...diffIds, layer.diffId] },
  });
}

/** `Images.create`. */
export async function createImage(context: ImagesContext, options: CreateOptions): Promise<string> {
  // A layer that no image lists afterwards goes again: an empty one, or that of an image that could not be made.
  const release = options.layer && context.retention.lease([options.layer.diffId]);
  try {
    return await createChild(context, options);
  } finally {
    await release?.();
  }
}

async function createChild(context: ImagesContext, options: CreateOptions): Promise<string> {
  const { catalogue } = context;
  const reference = parseRepositoryTag(options.reference);
  const parent = options.parent === undefined ? undefined : catalogue.get(options.parent);
  if (options.parent !== undefined && !parent) throw notFound(`No such image: ${options.parent}`);
  const raw = childConfig(parent, options);
  options.step?.admit(raw.length);
  const id = digestOf(raw);
  if (!options.step) await context.layers.durable(parseConfig(raw).rootfs.diff_ids);
  const register = () => {
    context.register(id, raw, {
      names: reference ? [reference] : [],
      ...(parent ? { parent: parent.id } : {}),
    });
    options.step?.made(id);
    if (reference) catalogue.touch(id, timestamp());
  };
  if (options.step) register();
  else await context.recorded(register);
  imageEvent(context, 'create', id);
  if (reference) imageEvent(context, 'tag', id, familiarString(reference));
  return id;
}

/** `Images.adopt`. */
export async function adoptImage(context: ImagesContext, id: string, parent: string): Promise<void> {
  const { catalogue, store } = context;
  const image = catalogue.get(id);
  if (!image || image.parent === parent) return;
  catalogue.add(id, image.raw, { parent, size: image.size });
  await store.flush();
}

/** `Images.register`. */
export async function registerConfig(
  context: ImagesContext,
  config: ImageConfig,
  made?: (id: string) => void,
): Promise<string> {
  const raw = JSON.stringify(config);
  const id = digestOf(raw);
  await context.layers.durable(config.rootfs.diff_ids);
  await context.recorded(() => {
    context.register(id, raw, { names: [] });
    made?.(id);
  });
  imageEvent(context, 'create', id);
  return id;
}

/** `ImagesContext.register`. */
export function registerImage(
  layers: Layers,
  catalogue: Catalogue,
  id: string,
  raw: string,
  options: Parameters<ImagesContext['register']>[2],
): void {
  let size = 0;
  for (const diffId of parseConfig(raw).rootfs.diff_ids) {
    const layer = layers.get(diffId);
    if (!layer) throw unavailable(`the layer ${diffId} of the image ${id} is not here`);
    size += layer.size;
  }
  const parent = options.parent !== undefined && catalogue.get(options.parent) ? options.parent : undefined;
  catalogue.add(id, raw, { size, ...(parent !== undefined && { parent }) });
  for (const name of options.names) catalogue.name(name, id);
}
