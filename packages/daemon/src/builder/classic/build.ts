import { BerthError, invalidParameter, isKind } from '../../base/errors.ts';
import type { Fetch } from '../../base/fetch.ts';
import { span } from '../../base/spans.ts';
import type { Containers } from '../../containers/api.ts';
import { BuildArguments, declarations } from '../../dockerfile/arguments.ts';
import { shellOf, variablesOf, withPath } from '../../dockerfile/environment.ts';
import { parseError } from '../../dockerfile/errors.ts';
import { applyMetadata, workingDirectory } from '../../dockerfile/metadata.ts';
import { type Dockerfile, type Instruction, parseDockerfile } from '../../dockerfile/parse.ts';
import { expandWord } from '../../dockerfile/words.ts';
import type { Images, OnProgress } from '../../images/api.ts';
import type { Layers } from '../../layers/api.ts';
import type { BuildOptions } from '../api.ts';
import { isFolder, leadsNowhere } from '../copy.ts';
import { blankBase, checkPlatform, planStages, type Stage } from '../stages.ts';
import { Steps, sha256 } from '../steps.ts';
import type { Tree } from '../tree/tree.ts';
import type { BuildCache } from './cache.ts';
import { type ClassicWork, copyStep, type State } from './copy.ts';
import { ClassicOutput, short } from './output.ts';
import { runStep } from './run.ts';
import { CacheSources } from './sources.ts';

export interface ClassicRooms {
  images: Images;
  layers: Layers;
  containers: Containers;
  cache: BuildCache;
  fetch: Fetch;
}

/** The builder that dockerd had before BuildKit: one instruction after another, each result an image, same texts. */
export class ClassicBuild implements ClassicWork {
  private readonly rooms: ClassicRooms;
  readonly dockerfile: Dockerfile;
  readonly stages: Stage[];
  readonly options: BuildOptions;
  readonly context: Tree;
  readonly folder: string;
  readonly steps: Steps;
  readonly fetch: Fetch;
  readonly done: State[] = [];
  readonly output: ClassicOutput;
  private readonly meta: BuildArguments;
  private readonly sources: CacheSources;
  private readonly kept: Array<() => void> = [];
  private cacheBroken = false;

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
    this.sources = new CacheSources(rooms.images, options.cacheFrom, this.keep);
    const plan = planStages(dockerfile, options.target, this.meta);
    this.stages = plan.stages;
    const steps = plan.stages.reduce(
      (sum, stage) => sum + 1 + stage.instructions.length,
      plan.metaInstructions.length + Object.keys(options.labels).length,
    );
    this.output = new ClassicOutput(options, steps);
  }

  /** A prune does not take away an image that this build stands on, until it lets go. */
  private readonly keep = (id: string): void => void this.kept.push(this.rooms.images.building(id));

  /** The build is over, its result has its names. */
  release(): void {
    for (const release of this.kept.splice(0)) release();
  }

  /** Runs all steps. Returns the image's id. */
  async run(send: OnProgress): Promise<string> {
    this.output.send = send;
    const { options } = this;
    for (const instruction of planStages(this.dockerfile, options.target, this.meta).metaInstructions)
      this.output.announce(instruction.original);
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
    await this.labels(last);
    if (last.image === '') throw invalidParameter('No image was generated. Is your Dockerfile empty?');
    const unused = new BuildArguments(options.buildArgs, new Map(), this.meta.used).unused();
    if (unused.length > 0)
      this.output.write(`[Warning] One or more build-args [${unused.join(' ')}] were not consumed\n`);
    if (!options.quiet) send({ aux: { ID: last.image } });
    this.output.write(`Successfully built ${short(last.image)}\n`);
    return last.image;
  }

  private async stage(stage: Stage): Promise<State> {
    this.options.signal.throwIfAborted();
    if (
      stage.name !== '' &&
      this.stages.indexOf(stage) > this.stages.findIndex(({ name }) => name === stage.name)
    )
      throw invalidParameter(`${stage.name} stage name already used`);
    this.output.announce(stage.from.original);
    if (stage.base === '') throw blankBase(stage.from.rest.split(/\s+/)[0]!);
    if (stage.from.flags.some(({ name }) => name === 'platform')) checkPlatform(stage.platform);
    const state = await this.from(stage);
    const triggers = state.config.OnBuild ?? [];
    state.config.OnBuild = null;
    if (triggers.length === 0) this.output.finished(state.image);
    else if (triggers.length > 0) {
      this.output.write(`# Executing ${triggers.length} build trigger${triggers.length > 1 ? 's' : ''}\n`);
      for (const trigger of triggers) {
        const instruction = parseDockerfile(trigger).instructions[0];
        if (instruction) await this.dispatch(instruction, state);
      }
      this.output.finished(state.image);
    }
    for (const instruction of stage.instructions) {
      this.options.signal.throwIfAborted();
      this.output.announce(instruction.original);
      try {
        await span(instruction.original, () => this.dispatch(instruction, state));
      } catch (error) {
        throw error instanceof BerthError
          ? error
          : new BerthError('system', (error as Error).message, { cause: error });
      }
      this.output.finished(state.image);
    }
    return state;
  }

  private async from(stage: Stage): Promise<State> {
    const base: State = {
      image: '',
      config: {},
      author: '',
      cmdSet: false,
      args: new BuildArguments(this.options.buildArgs, this.meta.asMeta(), this.meta.used),
    };
    const earlier = this.earlier(stage.base);
    if (earlier)
      return {
        ...base,
        image: earlier.image,
        config: structuredClone(earlier.config),
        author: earlier.author,
      };
    if (stage.base === 'scratch') {
      this.cacheBroken = false;
      return { ...base, config: withPath({}) };
    }
    const image = await this.findImage(stage.base, stage.platform || this.options.platform);
    this.keep(image.id);
    this.cacheBroken = false;
    return {
      ...base,
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

  /** An image's layers; none for scratch. */
  diffIds(image: string): string[] {
    return image === '' ? [] : (this.rooms.images.get(image)?.config.rootfs.diff_ids ?? []);
  }

  /** The values of variables at this point of a stage. */
  lookup(state: State) {
    const variables = variablesOf(state.config);
    return (name: string) => variables(name) ?? state.args.get(name);
  }

  private async dispatch(instruction: Instruction, state: State): Promise<void> {
    const lookup = this.lookup(state);
    switch (instruction.name) {
      case 'ARG': {
        const declared = declarations(instruction, lookup, this.dockerfile.escape);
        for (const [name, value] of declared) state.args.declare(name, value);
        return this.commitConfig(
          state,
          `ARG ${declared.map(([name, value]) => (value === undefined ? name : `${name}=${value}`)).join(' ')}`,
        );
      }
      case 'RUN':
        return runStep(this, instruction, state);
      case 'COPY':
      case 'ADD':
        return copyStep(this, instruction, state);
      case 'WORKDIR':
        return this.workdir(instruction, state);
      default: {
        const comment = applyMetadata(instruction, state, lookup, this.dockerfile);
        if (instruction.name === 'VOLUME') await this.checkVolumes(state);
        if (comment === null) throw parseError(instruction.line, `unknown instruction: ${instruction.name}`);
        return this.commitConfig(state, comment);
      }
    }
  }

  /** @throws system with dockerd's text for a volume where a file is. */
  private async checkVolumes({ image, config }: State): Promise<void> {
    await this.steps.withRoot(this.diffIds(image), async (archive) => {
      for (const path of Object.keys(config.Volumes ?? {})) {
        const there = await archive.stat(path).catch(() => undefined);
        if (
          there &&
          !(await isFolder(archive, path)) &&
          !(there.linkTarget && (await leadsNowhere(archive, path)))
        )
          throw new BerthError('system', `cannot mount volume over existing file, file exists ${path}`);
      }
    });
  }

  private async commitConfig(state: State, comment: string): Promise<void> {
    const createdBy = `${shellOf(state.config).join(' ')} #(nop)  ${comment}`;
    await this.cached(state, createdBy, createdBy, async () => {
      const container = sha256(`${Math.random()}`).slice(0, 12);
      this.output.write(` ---> Running in ${container}\n`);
      const image = await this.register(state, createdBy);
      this.output.removed(container);
      return image;
    });
  }

  /** Registers an image over the state's: its configuration, and a layer where there is one. */
  register(state: State, createdBy: string, layer?: { diffId: string; size: number }): Promise<string> {
    return this.rooms.images.create({
      step: this.keep,
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
      const found = await this.known(full, state, createdBy);
      if (found && this.rooms.images.get(found)) {
        this.keep(found);
        this.output.write(' ---> Using cache\n');
        state.image = found;
        return;
      }
    }
    this.cacheBroken = true;
    state.image = await make();
    this.rooms.cache.record(full, state.image, createdBy);
  }

  /**
   * The image an earlier build made of this step. `--cache-from` narrows what counts to the named images' own history:
   * steps of other builds are not taken then, also where none of the images is there.
   */
  private async known(full: string, state: State, createdBy: string): Promise<string | undefined> {
    const local = this.rooms.cache.find(full);
    if (this.options.cacheFrom.length === 0) return local;
    const ids = this.sources.lineage();
    if (local && ids.includes(local)) return local;
    const same = ids.find((id) => {
      const candidate = this.rooms.images.get(id);
      return candidate?.parent === state.image && candidate.config.history?.at(-1)?.created_by === createdBy;
    });
    return same ?? this.sources.restore(state.image, createdBy);
  }

  private async workdir(instruction: Instruction, state: State): Promise<void> {
    const path = expandWord(instruction.args[0]!, this.lookup(state), this.dockerfile.escape);
    const config = state.config;
    config.WorkingDir = workingDirectory(config, path);
    const createdBy = `${shellOf(config).join(' ')} #(nop) WORKDIR ${config.WorkingDir}`;
    await this.cached(state, createdBy, createdBy, async () => {
      const container = sha256(`${Math.random()}`).slice(0, 12);
      this.output.write(` ---> Running in ${container}\n`);
      const layer = await this.steps.makeFolder(
        this.diffIds(state.image),
        config.WorkingDir!,
        this.options.signal,
      );
      const image = await this.register(state, createdBy, layer ?? undefined);
      this.output.removed(container);
      return image;
    });
  }

  private async labels(state: State): Promise<void> {
    // Each is a step of its own, as if it stood in the Dockerfile.
    for (const [name, value] of Object.entries(this.options.labels).sort(([a], [b]) => (a < b ? -1 : 1))) {
      this.output.announce(`LABEL ${name}=${value}`);
      state.config.Labels = { ...state.config.Labels, [name]: value };
      await this.commitConfig(state, `LABEL ${name}=${value}`);
      this.output.finished(state.image);
    }
  }
}
