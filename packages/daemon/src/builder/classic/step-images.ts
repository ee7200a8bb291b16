import { invalidParameter } from '../../base/errors.ts';
import type { Images } from '../../images/api.ts';
import type { BuildOptions } from '../api.ts';
import { sha256 } from '../steps.ts';
import type { BuildCache } from './cache.ts';
import type { ClassicOutput } from './output.ts';
import { CacheSources } from './sources.ts';
import type { State } from './state.ts';

/**
 * Characters of all configurations that one build makes. Each step is an image, whose configuration and history have all steps
 * before it: a file of 5,000 short instructions made 2 GB.
 */
const CONFIGURATIONS = 32 << 20;

/** The images that the steps of one build make, each taken from an earlier build where it may be. */
export class StepImages {
  private readonly images: Images;
  private readonly cache: BuildCache;
  private readonly options: BuildOptions;
  private readonly output: ClassicOutput;
  private readonly sources: CacheSources;
  private readonly releases: Array<() => void> = [];
  private left = CONFIGURATIONS;
  /** A step of this stage was made anew: what follows it is made anew too. */
  private cacheBroken = false;

  constructor(images: Images, cache: BuildCache, options: BuildOptions, output: ClassicOutput) {
    this.images = images;
    this.cache = cache;
    this.options = options;
    this.output = output;
    this.sources = new CacheSources(images, options.cacheFrom, this.step);
  }

  /** A prune does not take away an image that this build stands on, until the build is over. */
  readonly keep = (id: string): void => void this.releases.push(this.images.building(id));

  /** The steps' images are kept, and bounded. */
  private readonly step = {
    made: this.keep,
    admit: (size: number): void => {
      this.left -= size;
      if (this.left < 0)
        throw invalidParameter(
          `the steps of this build have configurations of more than ${CONFIGURATIONS >> 20} MB together, as each has all before it: set several variables or labels with one instruction, or build with BuildKit`,
        );
    },
  };

  /** Lets go of the images: the build is over, its result has its names. */
  release(): void {
    for (const release of this.releases.splice(0)) release();
  }

  /** Another stage begins on an image of its own: its steps may come from the cache again. */
  beginStage(): void {
    this.cacheBroken = false;
  }

  /** An image's layers; none for scratch. */
  diffIds(image: string): string[] {
    return image === '' ? [] : (this.images.get(image)?.config.rootfs.diff_ids ?? []);
  }

  /** Registers an image over the state's: its configuration, and a layer where there is one. */
  register(state: State, createdBy: string, layer?: { diffId: string; size: number }): Promise<string> {
    return this.images.create({
      step: this.step,
      ...(state.image ? { parent: state.image } : {}),
      config: { ...structuredClone(state.config), ...(state.image ? { Image: state.image } : {}) },
      ...(layer ? { layer } : {}),
      history: { created_by: createdBy, ...(state.author ? { author: state.author } : {}) },
    });
  }

  /** Takes the result of an earlier build where parent, configuration and `key` are the same; else `make`s and records it. */
  async cached(state: State, createdBy: string, key: string, make: () => Promise<string>): Promise<void> {
    const full = sha256(JSON.stringify([state.image, state.config, state.author, key]));
    if (!this.options.noCache && !this.cacheBroken) {
      const found = await this.find(full, state, createdBy);
      const image = found === undefined ? undefined : this.images.get(found);
      if (image) {
        this.keep(image.id);
        // Else a build that is tried again would come further each time.
        this.step.admit(image.configSize);
        this.output.write(' ---> Using cache\n');
        state.image = image.id;
        return;
      }
    }
    this.cacheBroken = true;
    state.image = await make();
    this.cache.record(full, state.image, createdBy);
  }

  /**
   * The image an earlier build made of this step. `--cache-from` narrows what counts to the named images' own history:
   * steps of other builds are not taken then, also where none of the images is there.
   */
  private async find(full: string, state: State, createdBy: string): Promise<string | undefined> {
    const local = this.cache.find(full);
    if (this.options.cacheFrom.length === 0) return local;
    const ids = this.sources.lineage();
    if (local && ids.includes(local)) return local;
    const same = ids.find((id) => {
      const candidate = this.images.get(id);
      return candidate?.parent === state.image && candidate.config.history?.at(-1)?.created_by === createdBy;
    });
    return same ?? this.sources.restore(state.image, createdBy);
  }
}
