import { BerthError, invalidParameter, isKind } from '../../base/errors.ts';
import type { Fetch } from '../../base/fetch.ts';
import type { Containers } from '../../containers/api.ts';
import { BuildArguments, declarations } from '../../dockerfile/arguments.ts';
import { shellOf, variablesOf, withPath } from '../../dockerfile/environment.ts';
import { parseError } from '../../dockerfile/errors.ts';
import { applyMetadata, workingDirectory } from '../../dockerfile/metadata.ts';
import { parseMount } from '../../dockerfile/mounts.ts';
import { type Dockerfile, type Instruction, parseDockerfile } from '../../dockerfile/parse.ts';
import { expandWord } from '../../dockerfile/words.ts';
import type { Images, OnProgress } from '../../images/api.ts';
import type { Layers } from '../../layers/api.ts';
import type { BuildOptions } from '../api.ts';
import { isFolder } from '../copy.ts';
import { Gathered } from '../gathered.ts';
import { blankBase, checkPlatform, planStages, type Stage } from '../stages.ts';
import { Steps, sha256 } from '../steps.ts';
import type { Tree } from '../tree.ts';
import type { BuildCache } from './cache.ts';
import { type ClassicWork, copyStep, type State } from './copy.ts';
import { CacheSources } from './sources.ts';
import { needsBuildKit } from './text.ts';

export interface ClassicRooms {
  images: Images;
  layers: Layers;
  containers: Containers;
  cache: BuildCache;
  fetch: Fetch;
}

/** So many characters of output a quiet build keeps for the case that it fails. */
const HELD_LIMIT = 16 << 20;

const short = (id: string) => id.replace(/^sha256:/, '').slice(0, 12);

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
  private readonly total: number;
  private readonly meta: BuildArguments;
  private readonly sources: CacheSources;
  private readonly kept: Array<() => void> = [];
  private step = 0;
  private cacheBroken = false;
  private send: OnProgress = () => undefined;

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
    this.total =
      plan.stages.reduce((sum, stage) => sum + 1 + stage.instructions.length, plan.metaInstructions.length) +
      Object.keys(options.labels).length;
  }

  /** A prune does not take away an image that this build stands on, until it lets go. */
  private readonly keep = (id: string): void => void this.kept.push(this.rooms.images.building(id));

  /** The build is over, its result has its names. */
  release(): void {
    for (const release of this.kept.splice(0)) release();
  }

  /** Runs all steps. Returns the image's id. */
  async run(send: OnProgress): Promise<string> {
    this.send = send;
    const { options } = this;
    for (const instruction of planStages(this.dockerfile, options.target, this.meta).metaInstructions)
      this.announce(instruction.original);
    for (const warning of this.dockerfile.warnings) {
      this.warn(`[WARNING]: ${warning}\n`);
      this.warn('[WARNING]: Empty continuation lines will become errors in a future release.\n');
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
      this.out(`[Warning] One or more build-args [${unused.join(' ')}] were not consumed\n`);
    if (!options.quiet) send({ aux: { ID: last.image } });
    this.out(`Successfully built ${short(last.image)}\n`);
    return last.image;
  }

  /** The output of a quiet build, told when it fails. */
  readonly held: string[] = [];
  private heldSize = 0;

  private out(text: string): unknown {
    if (!this.options.quiet) return this.send({ stream: text });
    this.held.push(text);
    this.heldSize += text.length;
    while (this.heldSize > HELD_LIMIT) this.heldSize -= this.held.shift()!.length;
    return undefined;
  }

  private warn(text: string): void {
    this.out(`\u001b[91m${text}\u001b[0m`);
  }

  private announce(original: string): void {
    this.step++;
    this.out(`Step ${this.step}/${this.total} : ${original}`);
    this.out('\n');
  }

  private removed(container: string): void {
    if (this.options.rm) this.out(` ---> Removed intermediate container ${short(container)}\n`);
  }

  private finished(state: State): void {
    this.out(` ---> ${short(state.image)}\n`);
  }

  private async stage(stage: Stage): Promise<State> {
    this.options.signal.throwIfAborted();
    if (
      stage.name !== '' &&
      this.stages.indexOf(stage) > this.stages.findIndex(({ name }) => name === stage.name)
    )
      throw invalidParameter(`${stage.name} stage name already used`);
    this.announce(stage.from.original);
    if (stage.base === '') throw blankBase(stage.from.rest.split(/\s+/)[0]!);
    if (stage.from.flags.some(({ name }) => name === 'platform')) checkPlatform(stage.platform);
    const state = await this.from(stage);
    const triggers = state.config.OnBuild ?? [];
    state.config.OnBuild = null;
    if (triggers.length === 0) this.finished(state);
    else if (triggers.length > 0) {
      this.out(`# Executing ${triggers.length} build trigger${triggers.length > 1 ? 's' : ''}\n`);
      for (const trigger of triggers) {
        const instruction = parseDockerfile(trigger).instructions[0];
        if (instruction) await this.dispatch(instruction, state);
      }
      this.finished(state);
    }
    for (const instruction of stage.instructions) {
      this.options.signal.throwIfAborted();
      this.announce(instruction.original);
      try {
        await this.dispatch(instruction, state);
      } catch (error) {
        throw error instanceof BerthError
          ? error
          : new BerthError('system', (error as Error).message, { cause: error });
      }
      this.finished(state);
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
        if (!this.options.quiet) this.send(line);
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
        return this.runStep(instruction, state);
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
        if (there && !(await isFolder(archive, path)))
          throw new BerthError('system', `cannot mount volume over existing file, file exists ${path}`);
      }
    });
  }

  private async commitConfig(state: State, comment: string): Promise<void> {
    const createdBy = `${shellOf(state.config).join(' ')} #(nop)  ${comment}`;
    await this.cached(state, createdBy, createdBy, async () => {
      const container = sha256(`${Math.random()}`).slice(0, 12);
      this.out(` ---> Running in ${container}\n`);
      const image = await this.register(state, createdBy);
      this.removed(container);
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
        this.out(' ---> Using cache\n');
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

  private async runStep(instruction: Instruction, state: State): Promise<void> {
    const { config } = state;
    const expand = (text: string) => expandWord(text, this.lookup(state), this.dockerfile.escape);
    for (const flag of instruction.flags)
      if (flag.name === 'mount') parseMount(flag.value, '/nowhere', expand);
    for (const flag of instruction.flags) throw invalidParameter(needsBuildKit(flag.name));
    // A here-document is not read: the shell gets the first line alone, as with dockerd.
    const text = instruction.rest;
    const command = instruction.json ?? [...shellOf(config), ...(text === '' ? [] : [text])];
    const names = new Set((config.Env ?? []).map((entry) => entry.split('=')[0]!));
    const args = state.args.forRun(names);
    const inKey = args.filter(([, , shown]) => shown).map(([name, value]) => `${name}=${value}`);
    const createdBy = (inKey.length > 0 ? [`|${inKey.length}`, ...inKey, ...command] : command).join(' ');
    await this.cached(state, createdBy, createdBy, async () => {
      // Nothing can be run in an empty root.
      if (state.image === '') this.out(` ---> Running in ${sha256(`${Math.random()}`).slice(0, 12)}\n`);
      if (state.image === '')
        throw invalidParameter(`exec: "${command[0]}": stat ${command[0]}: no such file or directory`);
      const output = new Gathered((text, stream) =>
        this.out(stream === 'stderr' ? `\u001b[91m${text}\u001b[0m` : text),
      );
      const running = this.steps.run({
        image: state.image,
        config,
        command,
        shown: command,
        env: [...(config.Env ?? []), ...args.map(([name, value]) => `${name}=${value}`)],
        hostConfig: {
          ...this.options.hostConfig,
          NetworkMode: this.options.networkMode || 'default',
          ExtraHosts: this.options.extraHosts,
        },
        keepOnSuccess: !this.options.rm && !this.options.forceRm,
        keepOnFailure: !this.options.forceRm,
        signal: this.options.signal,
        onCreated: (id) => this.out(` ---> Running in ${short(id)}\n`),
        onRemoved: (id) => {
          output.flush();
          this.removed(id);
        },
        onOutput: (text, stream) => output.add(text, stream),
      });
      const layer = await running.finally(() => output.flush());
      return this.register(state, createdBy, layer);
    });
  }

  private async workdir(instruction: Instruction, state: State): Promise<void> {
    const path = expandWord(instruction.args[0]!, this.lookup(state), this.dockerfile.escape);
    const config = state.config;
    config.WorkingDir = workingDirectory(config, path);
    const createdBy = `${shellOf(config).join(' ')} #(nop) WORKDIR ${config.WorkingDir}`;
    await this.cached(state, createdBy, createdBy, async () => {
      const container = sha256(`${Math.random()}`).slice(0, 12);
      this.out(` ---> Running in ${container}\n`);
      const layer = await this.steps.makeFolder(
        this.diffIds(state.image),
        config.WorkingDir!,
        this.options.signal,
      );
      const image = await this.register(state, createdBy, layer ?? undefined);
      this.removed(container);
      return image;
    });
  }

  private async labels(state: State): Promise<void> {
    // Each is a step of its own, as if it stood in the Dockerfile.
    for (const [name, value] of Object.entries(this.options.labels).sort(([a], [b]) => (a < b ? -1 : 1))) {
      this.announce(`LABEL ${name}=${value}`);
      state.config.Labels = { ...state.config.Labels, [name]: value };
      await this.commitConfig(state, `LABEL ${name}=${value}`);
      this.finished(state);
    }
  }
}
