import { posix } from 'node:path';
import type { Containers } from '../containers/face.ts';
import { BerthError, invalidParameter, isKind } from '../errors.ts';
import type { Images, OnProgress } from '../images/face.ts';
import type { Layers } from '../layers/face.ts';
import { addSources } from './add.ts';
import type { BuildCache } from './cache.ts';
import { applyConfig, BuildArguments, envValue, type StageConfig, shellOf } from './config.ts';
import { type CopyAttributes, findSources, readFrom, type Source, sourcesDigest } from './copy.ts';
import { type Dockerfile, type Instruction, parseDockerfile, parseError } from './dockerfile/parse.ts';
import { expandWord, expandWords } from './dockerfile/words.ts';
import type { BuildOptions } from './face.ts';
import { resolveOwner } from './owner.ts';
import { blankBase, checkPlatform, planStages, type Stage } from './stages.ts';
import { Steps, sha256 } from './steps.ts';
import { Tree } from './tree.ts';

/** What a stage has come to. */
interface State extends StageConfig {
  image: string; // '' for scratch
  args: BuildArguments;
}

export interface ClassicRooms {
  images: Images;
  layers: Layers;
  containers: Containers;
  cache: BuildCache;
}

const short = (id: string) => id.replace(/^sha256:/, '').slice(0, 12);

/** The builder that dockerd had before BuildKit: one instruction after another, each result an image, same texts. */
export class ClassicBuild {
  private readonly rooms: ClassicRooms;
  private readonly dockerfile: Dockerfile;
  private readonly stages: Stage[];
  private readonly options: BuildOptions;
  private readonly context: Tree;
  private readonly folder: string;
  private readonly steps: Steps;
  private readonly done: State[] = [];
  private readonly total: number;
  private readonly meta: BuildArguments;
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
    this.steps = new Steps(rooms.layers, rooms.containers);
    this.meta = new BuildArguments(options.buildArgs);
    const plan = planStages(dockerfile, options.target, this.meta);
    this.stages = plan.stages;
    this.total =
      plan.stages.reduce((sum, stage) => sum + 1 + stage.instructions.length, plan.metaInstructions.length) +
      Object.keys(options.labels).length;
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
    for (const stage of this.stages) this.done.push(await this.stage(stage));
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

  /** What a quiet build has kept to itself; told when it fails. */
  readonly held: string[] = [];

  private out(text: string): void {
    if (this.options.quiet) this.held.push(text);
    else this.send({ stream: text });
  }

  private warn(text: string): void {
    this.out(`\u001b[91m${text}\u001b[0m`);
  }

  private announce(original: string): void {
    this.step++;
    this.out(`Step ${this.step}/${this.total} : ${original}`);
    this.out('\n');
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
    checkPlatform(stage.platform);
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
      return base;
    }
    const image = await this.findImage(stage.base, stage.platform || this.options.platform);
    this.cacheBroken = false;
    return {
      ...base,
      image: image.id,
      config: structuredClone(image.config.config ?? {}),
      author: image.config.author ?? '',
    };
  }

  private earlier(name: string): State | undefined {
    const index = this.stages.findIndex(
      (stage, at) => at < this.done.length && stage.name !== '' && stage.name === name.toLowerCase(),
    );
    if (index >= 0) return this.done[index];
    return undefined;
  }

  private async findImage(reference: string, platform: string) {
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

  private diffIds(image: string): string[] {
    return image === '' ? [] : (this.rooms.images.get(image)?.config.rootfs.diff_ids ?? []);
  }

  private lookup(state: State) {
    return (name: string) => envValue(state.config.Env, name) ?? state.args.get(name);
  }

  private async dispatch(instruction: Instruction, state: State): Promise<void> {
    const lookup = this.lookup(state);
    switch (instruction.name) {
      case 'ARG': {
        const declared = argNames(instruction, lookup, this.dockerfile.escape);
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
        return this.copyStep(instruction, state);
      case 'WORKDIR':
        return this.workdir(instruction, state);
      default: {
        const comment = applyConfig(instruction, state, lookup, this.dockerfile);
        if (comment === null) throw parseError(instruction.line, `unknown instruction: ${instruction.name}`);
        return this.commitConfig(state, comment);
      }
    }
  }

  private async commitConfig(state: State, comment: string): Promise<void> {
    const createdBy = `${shellOf(state.config).join(' ')} #(nop)  ${comment}`;
    await this.cached(state, createdBy, createdBy, async () => {
      const container = sha256(`${Math.random()}`).slice(0, 12);
      this.out(` ---> Running in ${container}\n`);
      const image = await this.register(state, createdBy);
      this.out(` ---> Removed intermediate container ${container}\n`);
      return image;
    });
  }

  /** Registers an image over the state's: its configuration, and a layer where there is one. */
  private register(
    state: State,
    createdBy: string,
    layer?: { diffId: string; size: number },
  ): Promise<string> {
    return this.rooms.images.create({
      ...(state.image ? { parent: state.image } : {}),
      config: { ...structuredClone(state.config), ...(state.image ? { Image: state.image } : {}) },
      ...(layer ? { layer } : {}),
      history: { created_by: createdBy, ...(state.author ? { author: state.author } : {}) },
    });
  }

  /** Takes the result of an earlier build where parent, configuration and `key` are the same; else `make`s and records it. */
  private async cached(
    state: State,
    createdBy: string,
    key: string,
    make: () => Promise<string>,
  ): Promise<void> {
    const full = sha256(JSON.stringify([state.image, state.config, state.author, key]));
    if (!this.options.noCache && !this.cacheBroken) {
      const found = this.known(full, state, createdBy);
      if (found && this.rooms.images.get(found)) {
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
  private known(full: string, state: State, createdBy: string): string | undefined {
    const local = this.rooms.cache.find(full);
    if (this.options.cacheFrom.length === 0) return local;
    const ids = this.options.cacheFrom.flatMap((reference) => this.lineage(reference));
    if (local && ids.includes(local)) return local;
    return ids.find((id) => {
      const candidate = this.rooms.images.get(id);
      return candidate?.parent === state.image && candidate.config.history?.at(-1)?.created_by === createdBy;
    });
  }

  /** An image's id and those of the images it was built on; none when there is no such image. */
  private lineage(reference: string): string[] {
    const { images } = this.rooms;
    const ids: string[] = [];
    try {
      for (let id = images.resolve(reference).id; id; id = images.get(id)?.parent ?? '') ids.push(id);
    } catch (error) {
      if (!(error instanceof BerthError)) throw error;
    }
    return ids;
  }

  private async runStep(instruction: Instruction, state: State): Promise<void> {
    for (const flag of instruction.flags) throw invalidParameter(needsBuildKit(flag.name));
    const { config } = state;
    const [script, input] = heredocScript(instruction);
    const text = input ?? script;
    const command = instruction.json ?? [...shellOf(config), ...(text === '' ? [] : [text])];
    const names = new Set((config.Env ?? []).map((entry) => entry.split('=')[0]!));
    const args = state.args.forRun(names);
    const inKey = args.filter(([, , shown]) => shown).map(([name, value]) => `${name}=${value}`);
    const createdBy = (inKey.length > 0 ? [`|${inKey.length}`, ...inKey, ...command] : command).join(' ');
    await this.cached(state, createdBy, createdBy, async () => {
      // Nothing can be run in an empty root.
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
        keepOnFailure: !this.options.forceRm,
        signal: this.options.signal,
        onCreated: (id) => this.out(` ---> Running in ${short(id)}\n`),
        onRemoved: (id) => {
          output.flush();
          this.out(` ---> Removed intermediate container ${short(id)}\n`);
        },
        onOutput: (text, stream) => output.add(text, stream),
      });
      const layer = await running.finally(() => output.flush());
      return this.register(state, createdBy, layer);
    });
  }

  private async workdir(instruction: Instruction, state: State): Promise<void> {
    const path = expandWord(instruction.rest, this.lookup(state), this.dockerfile.escape);
    if (path === '') throw invalidParameter('cannot normalize nothing');
    const config = state.config;
    config.WorkingDir = posix.resolve(config.WorkingDir || '/', path);
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
      this.out(` ---> Removed intermediate container ${container}\n`);
      return image;
    });
  }

  private async copyStep(instruction: Instruction, state: State): Promise<void> {
    const { name } = instruction;
    const lookup = this.lookup(state);
    const flag = (wanted: string) => instruction.flags.find((item) => item.name === wanted)?.value;
    for (const item of instruction.flags) {
      // A link gives the same files: here it is only not a layer of its own.
      if (item.name === 'link' || item.name === 'chown' || (item.name === 'from' && name === 'COPY'))
        continue;
      throw invalidParameter(needsBuildKit(item.name));
    }
    const words = instruction.json
      ? instruction.json.map((word) => expandWord(word, lookup, this.dockerfile.escape))
      : expandWords(instruction.rest, lookup, this.dockerfile.escape);
    const destination = words.at(-1)!;
    const patterns = words
      .slice(0, -1)
      .filter(
        (word) =>
          !instruction.heredocs.some(
            (heredoc) => word === `<<${heredoc.name}` || word === `<<-${heredoc.name}`,
          ),
      );
    if (instruction.heredocs.length > 0)
      throw invalidParameter(`${name} failed: no source files were specified`);
    if (patterns.length + instruction.heredocs.length > 1 && !destination.endsWith('/')) {
      throw invalidParameter(
        `When using ${name} with more than one source file, the destination must be a directory and end with a /`,
      );
    }
    const target =
      posix.resolve('/', state.config.WorkingDir || '/', destination) +
      (destination.endsWith('/') || destination === '.' ? '/' : '');
    const from = flag('from');
    const sources: Source[] = [];
    const trees: Tree[] = [];
    try {
      if (from !== undefined)
        sources.push(...(await this.sourcesFrom(expandWord(from, lookup), patterns, trees)));
      else if (name === 'ADD')
        sources.push(
          ...(await addSources(
            this.context,
            patterns,
            this.folder,
            target.endsWith('/'),
            trees,
            this.options.signal,
          )),
        );
      else for (const pattern of patterns) sources.push(...findSources(this.context, pattern, name, true));
      if (sources.length === 0) throw invalidParameter(`${name} failed: no source files were specified`);
      if (sources.length > 1 && !destination.endsWith('/')) {
        throw invalidParameter(
          `When using ${name} with more than one source file, the destination must be a directory and end with a /`,
        );
      }
      const chown = flag('chown');
      const owner = chown === undefined ? '' : expandWord(chown, lookup, this.dockerfile.escape);
      const digest = sourcesDigest(sources, sha256);
      const createdBy = `${shellOf(state.config).join(' ')} #(nop) ${name} ${owner ? `--chown=${owner} ` : ''}${digest} in ${target} `;
      await this.cached(state, createdBy, createdBy, async () => {
        const base = this.diffIds(state.image);
        const attributes: CopyAttributes =
          owner === '' ? {} : await this.steps.withRoot(base, (archive) => resolveOwner(archive, owner));
        const layer = await this.steps.copy(base, sources, target, {
          ...attributes,
          keepOwners: from !== undefined && owner === '',
          signal: this.options.signal,
        });
        return this.register(state, createdBy, layer);
      });
    } finally {
      for (const tree of trees) await tree.close();
    }
  }

  /** COPY --from: an earlier stage by number or name, or an image. */
  private async sourcesFrom(from: string, patterns: string[], trees: Tree[]): Promise<Source[]> {
    let diffIds: string[];
    const number = /^\d+$/.test(from) ? Number(from) : -1;
    if (number >= 0) {
      const state = this.done[number];
      if (!state)
        throw invalidParameter(
          `invalid from flag value ${from}: ${
            number < this.stages.length
              ? 'refers to current build stage or a later one'
              : 'index out of bounds'
          }`,
        );
      diffIds = this.diffIds(state.image);
    } else {
      const state = this.earlier(from);
      diffIds = state
        ? this.diffIds(state.image)
        : this.diffIds(
            (
              await this.findImage(from, '').catch((error: Error) =>
                Promise.reject(invalidParameter(`invalid from flag value ${from}: ${error.message}`)),
              )
            ).id,
          );
    }
    const tree = await Tree.create(
      posix.join(this.folder, `from-${trees.length}-${sha256(`${Math.random()}`).slice(0, 8)}`),
    );
    trees.push(tree);
    const found: Source[] = [];
    await this.steps.withRoot(diffIds, async (archive) => {
      for (const pattern of patterns) found.push(...(await readFrom(archive, tree, pattern)));
    });
    return found;
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

/** Puts together what a command writes in small pieces of a line at once. */
class Gathered {
  private readonly send: (text: string, stream: 'stdout' | 'stderr') => void;
  private held = '';
  private stream: 'stdout' | 'stderr' = 'stdout';
  private timer: NodeJS.Timeout | undefined;

  constructor(send: (text: string, stream: 'stdout' | 'stderr') => void) {
    this.send = send;
  }

  add(text: string, stream: 'stdout' | 'stderr'): void {
    if (stream !== this.stream) this.flush();
    this.stream = stream;
    this.held += text;
    if (text.endsWith('\n')) this.flush();
    else this.timer ??= setTimeout(() => this.flush(), 5);
  }

  flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.held !== '') this.send(this.held, this.stream);
    this.held = '';
  }
}

function argNames(
  instruction: Instruction,
  lookup: (name: string) => string | undefined,
  escaper: string,
): Array<[string, string | undefined]> {
  const words = expandWords(instruction.rest, lookup, escaper);
  if (words.length === 0) throw parseError(instruction.line, 'ARG requires at least one argument');
  return words.map((word) => {
    const equals = word.indexOf('=');
    if (equals === 0) throw parseError(instruction.line, 'ARG names can not be blank');
    return equals < 0 ? [word, undefined] : [word.slice(0, equals), word.slice(equals + 1)];
  });
}

/** A RUN's shell text with its here-documents; a lone here-document is the script itself. */
function heredocScript(instruction: Instruction): [script: string, alone: string | undefined] {
  if (instruction.heredocs.length === 0) return [instruction.rest, undefined];
  const text = `${instruction.rest}\n${instruction.heredocs.map(({ content, name }) => `${content}${name}`).join('\n')}`;
  const lone = instruction.heredocs.length === 1 && /^<<-?["']?[A-Za-z0-9_.]+["']?$/.test(instruction.rest);
  return [text, lone ? instruction.heredocs[0]!.content : undefined];
}

const needsBuildKit = (flag: string) =>
  `the --${flag} option requires BuildKit. Refer to https://docs.docker.com/go/buildkit/ to learn how to build images with BuildKit enabled`;
