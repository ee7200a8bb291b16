import type { Layers } from '../layers/api.ts';
import type { Catalogue } from './catalogue.ts';

/**
 * Decides when a layer may go. A layer stays while an image lists it, while a container stands on an image that was
 * deleted by force, and while somebody holds it: who is about to register an image holds its layers first, so that
 * deletion may run beside pulls, loads, builds and commits.
 */
export class Retention {
  private readonly layers: Layers;
  private readonly catalogue: Catalogue;
  private readonly inUse: (imageId: string) => boolean;
  private readonly holds = new Map<string, number>();

  constructor(layers: Layers, catalogue: Catalogue, inUse: (imageId: string) => boolean) {
    this.layers = layers;
    this.catalogue = catalogue;
    this.inUse = inUse;
  }

  /** Keeps these layers until the returned function is called; then those that nobody needs go. */
  hold(diffIds: Iterable<string>): () => Promise<void> {
    const held = [...diffIds];
    for (const diffId of held) this.holds.set(diffId, (this.holds.get(diffId) ?? 0) + 1);
    let released = false;
    return async () => {
      if (released) return;
      released = true;
      for (const diffId of held) {
        const count = this.holds.get(diffId)! - 1;
        if (count > 0) this.holds.set(diffId, count);
        else this.holds.delete(diffId);
      }
      await this.collect(held);
    };
  }

  /** Removes those of these layers that nothing needs any more, and returns them. */
  async collect(candidates: Iterable<string>): Promise<string[]> {
    const needed = this.needed();
    const gone = [...new Set(candidates)].filter(
      (diffId) => !needed.has(diffId) && !this.holds.has(diffId) && this.layers.has(diffId),
    );
    // All removals begin in the tick that decided on them: an image registered later cannot lose a layer to them.
    await Promise.all(gone.map((diffId) => this.layers.remove(diffId)));
    return gone;
  }

  /** Forgets deleted images that no container uses any more; returns the layers they had. */
  dropOrphans(): string[] {
    const freed: string[] = [];
    for (const { id, diffIds } of this.catalogue.orphans()) {
      if (this.inUse(id)) continue;
      this.catalogue.remove(id, false);
      freed.push(...diffIds);
    }
    return freed;
  }

  /** All layers that images or containers need. */
  needed(): Set<string> {
    const needed = new Set<string>();
    for (const image of this.catalogue.list())
      for (const diffId of image.config.rootfs.diff_ids) needed.add(diffId);
    for (const { diffIds } of this.catalogue.orphans()) for (const diffId of diffIds) needed.add(diffId);
    return needed;
  }
}
