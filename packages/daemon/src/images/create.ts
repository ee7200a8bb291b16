import { EMPTY_LAYER } from '../layers/index.ts';
import type { ImageRunConfig } from './api.ts';
import type { Entry } from './catalogue.ts';
import { dockerConfig, timestamp } from './config.ts';
import { hostPlatform } from './platforms.ts';

/** The changes that make an image out of its parent. */
export interface ChildOptions {
  parent?: string;
  config: ImageRunConfig;
  layer?: { diffId: string; size: number };
  history: { created_by?: string; comment?: string; author?: string };
  architecture?: string;
  os?: string;
  variant?: string;
}

/**
 * The configuration of an image made here (commit, classic build): its parent's layers and history with one step more.
 * An empty layer is a step of the history only, as with dockerd.
 */
export function childConfig(parent: Entry | undefined, options: ChildOptions): string {
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
