import { BerthError } from '../../base/errors.ts';
import type { CreateOptions, Image, ImageConfig, Images } from '../../images/api.ts';

/** The images that `--cache-from` names, as places to take steps from. */
export class CacheSources {
  private readonly images: Images;
  private readonly step: CreateOptions['step'];
  private sources: Image[];

  /** @param step told of each image that is made */
  constructor(images: Images, references: string[], step: CreateOptions['step']) {
    this.images = images;
    this.step = step;
    this.sources = references.flatMap((reference) => {
      try {
        return [images.resolve(reference)];
      } catch (error) {
        if (error instanceof BerthError) return [];
        throw error;
      }
    });
  }

  /** The images of this machine that the sources were built on, with them. */
  lineage(): string[] {
    return this.sources.flatMap((source) => {
      const ids: string[] = [];
      for (let id: string = source.id; id; id = this.images.get(id)?.parent ?? '') ids.push(id);
      return ids;
    });
  }

  /**
   * The image of the step `createdBy` over `parent` ('' for scratch), where a source has that step in its history: the
   * source itself after its last step, else one made of what it tells. A source that was loaded or pulled has no images
   * of its steps.
   */
  async restore(parent: string, createdBy: string): Promise<string | undefined> {
    const below = parent === '' ? undefined : this.images.get(parent)?.config;
    const at = below?.history?.length ?? 0;
    const source = this.sources.find(
      ({ config }) => config.history?.[at]?.created_by === createdBy && continues(config, below),
    );
    if (!source) return undefined;
    const history = source.config.history!;
    if (at === history.length - 1) {
      if (parent !== '') await this.images.adopt(source.id, parent);
      return source.id;
    }
    // Later copies take from the same source.
    this.sources = [source];
    const { created_by, author, empty_layer } = history[at]!;
    const diffId = empty_layer
      ? undefined
      : source.config.rootfs.diff_ids[below?.rootfs.diff_ids.length ?? 0];
    return this.images.create({
      ...(this.step && { step: this.step }),
      ...(parent === '' ? {} : { parent }),
      config: structuredClone(source.config.config ?? {}),
      ...(diffId === undefined ? {} : { layer: { diffId, size: 0 } }),
      history: { ...(created_by ? { created_by } : {}), ...(author ? { author } : {}) },
    });
  }
}

/** True when an image begins with all steps and layers of another. */
function continues(config: ImageConfig, below: ImageConfig | undefined): boolean {
  const steps = below?.history ?? [];
  const layers = below?.rootfs.diff_ids ?? [];
  return (
    layers.every((layer, index) => config.rootfs.diff_ids[index] === layer) &&
    steps.every((step, index) => {
      const other = config.history?.[index];
      return (
        other !== undefined &&
        (other.created_by ?? '') === (step.created_by ?? '') &&
        !other.empty_layer === !step.empty_layer
      );
    })
  );
}
