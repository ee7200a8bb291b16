import { log } from '../base/log.ts';
import type { Layers } from '../layers/api.ts';
import type { Store } from '../store/api.ts';
import type { Catalogue } from './catalogue.ts';

/** Milliseconds between attempts to record a change that a full disk had no room for. */
const TRY_AGAIN = 1000;

/**
 * Decides when a layer may go. A layer stays while an image lists it, while a container stands on an image that was
 * deleted by force, and while it is leased: what is about to register an image leases its layers first, so that
 * deletion may run beside pulls, loads, builds and commits.
 */
export class Retention {
  private readonly layers: Layers;
  private readonly catalogue: Catalogue;
  private readonly store: Store;
  private readonly inUse: (imageId: string) => boolean;
  private readonly leases = new Map<string, number>();
  /** Layers that nothing needs any more, which is not on record yet. */
  private readonly owed = new Set<string>();
  private timer: NodeJS.Timeout | undefined;

  constructor(layers: Layers, catalogue: Catalogue, store: Store, inUse: (imageId: string) => boolean) {
    this.layers = layers;
    this.catalogue = catalogue;
    this.store = store;
    this.inUse = inUse;
  }

  /** Keeps these layers until the returned function is called; then those that nobody needs go. */
  lease(diffIds: Iterable<string>): () => Promise<void> {
    const leased = [...diffIds];
    for (const diffId of leased) this.leases.set(diffId, (this.leases.get(diffId) ?? 0) + 1);
    let released = false;
    return async () => {
      if (released) return;
      released = true;
      for (const diffId of leased) {
        const count = this.leases.get(diffId)! - 1;
        if (count > 0) this.leases.set(diffId, count);
        else this.leases.delete(diffId);
      }
      await this.collect(leased);
    };
  }

  /** Removes those of these layers that nothing needs any more, and returns them. */
  async collect(candidates: Iterable<string>): Promise<string[]> {
    const needed = this.needed();
    const gone = [...new Set(candidates)].filter(
      (diffId) =>
        !needed.has(diffId) && !this.leases.has(diffId) && !this.owed.has(diffId) && this.layers.has(diffId),
    );
    // All removals begin in the tick that decided on them: an image registered later cannot lose a layer to them.
    await Promise.all(
      gone.map((diffId) =>
        this.layers
          .remove(diffId)
          .catch((error: unknown) =>
            log.warn(
              { layer: diffId, err: error },
              'a layer could not be removed; the next start tries again',
            ),
          ),
      ),
    );
    return gone;
  }

  /**
   * As `collect`, for layers whose images were just taken out of the catalogue: that is durable before a layer goes, so that
   * a killed daemon leaves layers too many, never too few. When it cannot be recorded (a full disk), the images are gone all
   * the same, and the layers go as soon as it can.
   */
  async free(candidates: readonly string[]): Promise<string[]> {
    try {
      await this.store.flush();
    } catch (error) {
      for (const diffId of candidates) this.owed.add(diffId);
      this.payLater();
      log.warn({ err: error }, 'layers of removed images stay until their removal can be recorded');
      return [];
    }
    return this.collect(candidates);
  }

  private payLater(): void {
    if (this.owed.size === 0) return;
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      const owed = [...this.owed];
      this.store.flush().then(
        () => {
          for (const diffId of owed) this.owed.delete(diffId);
          void this.collect(owed);
        },
        () => this.payLater(),
      );
    }, TRY_AGAIN).unref();
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
