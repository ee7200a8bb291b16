import { BerthError, invalidParameter, isKind } from '../../base/errors.ts';
import type { Fetch } from '../../base/fetch.ts';
import { span } from '../../base/spans.ts';
import type { Containers } from '../../containers/api.ts';
import { BuildArguments } from '../../dockerfile/arguments.ts';
import { variablesOf, withPath } from '../../dockerfile/environment.ts';
import { parseDockerfile } from '../../dockerfile/parse.ts';
import type { Dockerfile, Instruction } from '../../dockerfile/types.ts';
import type { Images, OnProgress } from '../../images/api.ts';
import type { Layers } from '../../layers/api.ts';
import type { BuildOptions } from '../api.ts';
import { blankBase, checkPlatform, planStages, type Stage } from '../stages.ts';
import { Steps } from '../steps.ts';
import type { Tree } from '../tree/tree.ts';
import type { BuildCache } from './cache.ts';
import { applyLabels, dispatch } from './instructions.ts';
import { ClassicOutput, short } from './output.ts';
import type { State } from './state.ts';
import { StepImages } from './step-images.ts';
import type { ClassicWork } from './work.ts';

/** The rooms that a classic build works with. */
export interface ClassicRooms {
  images: Images;
  layers: Layers;
  containers: Containers;
  cache: BuildCache;
  fetch: Fetch;
}

/** The builder that dockerd had before BuildKit: one instruction after another, each result an image, same texts. */
export class ClassicBuild implements ClassicWork {
  readonly dockerfile: Dockerfile;
  readonly options: BuildOptions;
  readonly context: Tree;
  readonly folder: string;
  readonly steps: Steps;
  readonly fetch: Fetch;
  readonly done: State[] = [];
  readonly output: ClassicOutput;
  readonly images: StepImages;
  private readonly rooms: ClassicRooms;
  private readonly stages: Stage[];
  /** The instructions before the first FROM. */
  private readonly metaInstructions: Instruction[];
  private readonly meta: BuildArguments;

  constructor(
    rooms: ClassicRooms,
    dockerfile: Dockerfile,
    context: Tree,
    folder: string,
    options: BuildOptions,
  ) {
    this.rooms = rooms;
    this.dockerfile = dockerfile;
    this.context = context;
    this.folder = folder;
    this.options = options;
    this.fetch = rooms.fetch;
    this.steps = new Steps(rooms.layers, rooms.containers);
    this.meta = new BuildArguments(options.buildArgs);
    const plan = planStages(dockerfile, options.target, this.meta);
    this.stages = plan.stages;
    this.metaInstructions = plan.metaInstructions;
    const steps = plan.stages.reduce(
      (sum, stage) => sum + 1 + stage.instructions.length,
      plan.metaInstructions.length + Object.keys(options.labels).length,
    );
    this.output = new ClassicOutput(options, steps);
    this.images = new StepImages(rooms.images, rooms.cache, options, this.output);
  }

  /** Lets go of the images that it stands on: the build is over, its result has its names. */
  release(): void {
    this.images.release();
  }

  /** Runs all steps. Returns the image's id. */
  async run(send: OnProgress): Promise<string> {
    this.output.send = send;
    const { options } = this;
    for (const instruction of this.metaInstructions) this.output.announce(instruction.original);
    for (const warning of this.dockerfile.warnings) {
      this.output.warn(`[WARNING]: ${warning}\n`);
      this.output.warn('[WARNING]: Empty continuation lines will become errors in a future release.\n');
    }
    for (const [index, stage] of this.stages.entries()) {
      this.done.push(await this.stage(stage));
      // The last one's is told once its labels are on it.
      const { image } = this.done[index]!;
      if (index < this.stages.length - 1 && image !== '' && !options.quiet) send({ aux: { ID: image } });
    }
    const last = this.done.at(-1)!;
    await applyLabels(this, last);
    if (last.image === '') throw invalidParameter('No image was generated. Is your Dockerfile empty?');
    const unused = new BuildArguments(options.buildArgs, new Map(), this.meta.used).unused();
    if (unused.length > 0)
      this.output.write(`[Warning] One or more build-args [${unused.join(' ')}] were not consumed\n`);
    if (!options.quiet) send({ aux: { ID: last.image } });
    this.output.write(`Successfully built ${short(last.image)}\n`);
    return last.image;
  }

  /** Does the instructions of one stage, after the ONBUILD triggers of its base. */
  private async stage(stage: Stage): Promise<State> {
    this.options.signal.throwIfAborted();
    if (
      stage.name !== '' &&
      this.stages.indexOf(stage) > this.stages.findIndex(({ name }) => name === stage.name)
    )
      throw invalidParameter(`${stage.name} stage name already used`);
    this.output.announce(stage.from.original);
    if (stage.fault) throw stage.fault;
    if (stage.base === '') throw blankBase(stage.from.rest.split(/\s+/)[0]!);
    if (stage.from.flags.some(({ name, value }) => name === 'platform' && value !== ''))
      checkPlatform(stage.platform);
    const state = await this.base(stage);
    const triggers = state.config.OnBuild ?? [];
    state.config.OnBuild = null;
    if (triggers.length > 0) {
      this.output.write(`# Executing ${triggers.length} build trigger${triggers.length > 1 ? 's' : ''}\n`);
      for (const trigger of triggers) {
        const instruction = parseDockerfile(trigger).instructions[0];
        if (instruction) await dispatch(this, instruction, state);
      }
    }
    this.output.finished(state.image);
    for (const instruction of stage.instructions) {
      this.options.signal.throwIfAborted();
      this.output.announce(instruction.original);
      try {
        await span(instruction.original, () => dispatch(this, instruction, state));
      } catch (error) {
        throw error instanceof BerthError
          ? error
          : new BerthError('system', (error as Error).message, { cause: error });
      }
      this.output.finished(state.image);
    }
    return state;
  }

  /** The state that FROM begins with. */
  private async base(stage: Stage): Promise<State> {
    const blank: State = {
      image: '',
      config: {},
      author: '',
      cmdSet: false,
      args: new BuildArguments(this.options.buildArgs, this.meta.asMeta(), this.meta.used),
    };
    const earlier = this.earlier(stage.base);
    if (earlier)
      return {
        ...blank,
        image: earlier.image,
        config: structuredClone(earlier.config),
        author: earlier.author,
      };
    if (stage.base === 'scratch') {
      this.images.beginStage();
      return { ...blank, config: withPath({}) };
    }
    const image = await this.findImage(stage.base, stage.platform || this.options.platform);
    this.images.keep(image.id);
    this.images.beginStage();
    return {
      ...blank,
      image: image.id,
      config: withPath(structuredClone(image.config.config ?? {})),
      author: image.config.author ?? '',
    };
  }

  /** An earlier stage of that name. */
  earlier(name: string): State | undefined {
    const index = this.stages.findIndex(
      (stage, at) => at < this.done.length && stage.name !== '' && stage.name === name.toLowerCase(),
    );
    if (index >= 0) return this.done[index];
    return undefined;
  }

  /** A local image, or one that is pulled. */
  async findImage(reference: string, platform: string) {
    const { images } = this.rooms;
    if (!this.options.pull) {
      try {
        return images.resolve(reference, platform ? { platform } : {});
      } catch (error) {
        if (!isKind(error, 'not-found')) throw error;
      }
    }
    const host =
      reference.includes('/') && /[.:]|^localhost$/.test(reference.split('/')[0]!)
        ? reference.split('/')[0]!
        : 'https://index.docker.io/v1/';
    await images.pull({
      name: reference,
      ...(platform ? { platform } : {}),
      auth: this.options.registries[host],
      signal: this.options.signal,
      onProgress: (line) => {
        if (!this.options.quiet) this.output.send(line);
      },
    });
    return images.resolve(reference, platform ? { platform } : {});
  }

  /** The values of variables at this point of a stage. */
  lookup(state: State) {
    const variables = variablesOf(state.config);
    return (name: string) => variables(name) ?? state.args.get(name);
  }
}
