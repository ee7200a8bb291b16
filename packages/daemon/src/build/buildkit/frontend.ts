import { posix } from 'node:path';
import { Readable } from 'node:stream';
import { BerthError, invalidParameter } from '../../errors.ts';
import type { ImageConfig, ImageRunConfig } from '../../images/face.ts';
import { decompressed } from '../../layers/index.ts';
import { addSources, FetchFailed, looksLikeTar } from '../add.ts';
import { readFrom } from '../classic.ts';
import { applyConfig, BuildArguments, envValue } from '../config.ts';
import { findSources, type Source, sourcesDigest, withoutExcluded } from '../copy.ts';
import { locate } from '../dockerfile/location.ts';
import { type Dockerfile, type Instruction, parseDockerfile, parseError } from '../dockerfile/parse.ts';
import { expandWord, expandWords, type Lookup } from '../dockerfile/words.ts';
import { ignoreFilter } from '../ignore.ts';
import { resolveOwner } from '../owner.ts';
import { remoteContext } from '../remote.ts';
import { planStages, type Stage } from '../stages.ts';
import { sha256 } from '../steps.ts';
import { Tree } from '../tree.ts';
import {
  collect,
  configHistory,
  expandHeredoc,
  historyEntry,
  noDockerfile,
  parseUlimit,
  platformArguments,
  prefixed,
  runCommand,
} from './instructions.ts';
import { type Mounts, parseMount } from './mounts.ts';
import { parentSources, readParents } from './parents.ts';
import type { Progress, Vertex } from './progress.ts';
import type { Session } from './session.ts';
import type { Snapshot, Solver } from './solver.ts';
import { instructionTitle, StepNumbers } from './titles.ts';

/** What a stage has come to. */
export interface StageResult {
  snapshot: Snapshot;
  config: ImageRunConfig;
  author: string;
  cmdSet: boolean;
  history: NonNullable<ImageConfig['history']>;
  platform: { os: string; architecture: string; variant?: string };
}

export interface FrontendOptions {
  attributes: Record<string, string>;
  session: Session;
  solver: Solver;
  progress: Progress;
  folder: string;
  signal: AbortSignal;
  /** Brings the whole context, where it does not come through the session. */
  fill?: (tree: Tree) => Promise<void>;
}

/** Instructions that show as a numbered step. */
const visible = new Set(['RUN', 'COPY', 'ADD', 'WORKDIR']);

/** What a flag that may stand without a value says. */
const isTrue = (value: string | undefined) => /^(1|t|true)$/i.test(value ?? '');

/** BuildKit's `dockerfile.v0`: a Dockerfile to a graph of which only what the target needs is done. */
export class DockerfileFrontend {
  private readonly options: FrontendOptions;
  private readonly attributes: Record<string, string>;
  private dockerfile!: Dockerfile;
  /** The Dockerfile as it was read, and its name: what errors quote. */
  text = '';
  filename = 'Dockerfile';
  private definition: Vertex | undefined;
  private labelled = false;
  private ignoreLoaded: Promise<string> | undefined;
  private readonly bases = new Map<string, ReturnType<Solver['base']>>();
  private stages: Stage[] = [];
  private meta!: BuildArguments;
  private readonly results = new Map<Stage, Promise<StageResult>>();
  /** The build arguments at the end of each stage. */
  private readonly arguments = new Map<Stage, ReadonlyMap<string, string | undefined>>();
  private contextTree: Promise<Tree> | undefined;
  private uploaded: Tree | undefined;
  private readonly trees: Tree[] = [];

  constructor(options: FrontendOptions) {
    this.options = options;
    this.attributes = options.attributes;
  }

  /** Builds the target stage. @throws BerthError with BuildKit's texts. */
  async build(): Promise<StageResult> {
    const { attributes } = this;
    if (attributes['requestid'])
      throw new BerthError('unsupported', `unsupported request ${attributes['requestid']}`);
    const name = attributes['filename'] || 'Dockerfile';
    this.filename = posix.basename(name);
    this.text = await this.options.progress.step(
      `[internal] load build definition from ${posix.basename(name)}`,
      (vertex) => {
        this.definition = vertex;
        return this.readDockerfile(name, vertex);
      },
    );
    if (this.text === '') throw invalidParameter('the Dockerfile cannot be empty');
    this.dockerfile = parseDockerfile(this.text);
    this.checkSyntax();
    for (const warning of this.dockerfile.warnings) this.definition?.warn(warning);
    this.meta = new BuildArguments({
      ...platformArguments(this.options.solver.platform(attributes['platform'])),
      ...prefixed(attributes, 'build-arg:'),
    });
    for (const [argument] of Object.entries(platformArguments(this.options.solver.platform())))
      this.meta.declare(argument, undefined);
    const plan = planStages(this.dockerfile, attributes['target'] ?? '', this.meta, { buildKit: true });
    this.stages = plan.stages;
    this.labelled =
      plan.count > 1 ||
      this.stages.some(({ instructions }) =>
        instructions.some(({ flags }) => flags.some(({ name }) => name === 'mount' || name === 'from')),
      );
    await this.resolveBases(this.stages.at(-1)!);
    if (!this.uploaded) await this.ignoreText();
    const result = await this.stage(this.stages.at(-1)!);
    const labels = prefixed(attributes, 'label:');
    if (Object.keys(labels).length > 0) result.config.Labels = { ...result.config.Labels, ...labels };
    return result;
  }

  /** `# syntax=`: the Dockerfile language is built in, a front end from an image cannot be run. */
  private checkSyntax(): void {
    const image = this.dockerfile.directives['syntax'];
    if (image === undefined || /^(docker\.io\/)?docker\/dockerfile(-upstream)?([:@]|$)/.test(image)) return;
    const line = 1 + this.text.split('\n').findIndex((text) => /^#\s*syntax\s*=/i.test(text));
    throw locate(
      new BerthError('unsupported', `# syntax=${image} is not supported: only docker/dockerfile is built in`),
      { line, endLine: line },
    );
  }

  /** Asks for the images that the target stands on before anything else is done, as BuildKit does. */
  private async resolveBases(target: Stage): Promise<void> {
    const seen = new Set<Stage>();
    const wanted: Array<Promise<unknown>> = [];
    const visit = (stage: Stage) => {
      if (seen.has(stage)) return;
      seen.add(stage);
      const parent = this.findStage(stage.base, stage);
      const given = this.namedContext(stage.base);
      if (parent && given === undefined) visit(parent);
      else if (stage.base !== 'scratch' && given === undefined) wanted.push(this.base(stage));
      for (const instruction of stage.instructions)
        for (const flag of instruction.flags) {
          const from =
            flag.name === 'from'
              ? flag.value
              : flag.name === 'mount'
                ? /(?:^|,)from=([^,]+)/.exec(flag.value)?.[1]
                : undefined;
          const other = from === undefined ? undefined : this.findStage(from, stage);
          if (from !== undefined && stage.name !== '' && from.toLowerCase() === stage.name)
            throw locate(
              invalidParameter(`circular dependency detected on stage: ${stage.name}`),
              instruction,
            );
          if (other) visit(other);
          else if (
            from !== undefined &&
            !/\$/.test(from) &&
            this.namedContext(from) === undefined &&
            !/^\d+$/.test(from)
          )
            wanted.push(
              this.image(from, '').catch((error: Error) =>
                Promise.reject(locate(error, flag.name === 'from' ? instruction : null)),
              ),
            );
        }
    };
    visit(target);
    await Promise.all(wanted);
  }

  /** The image of a FROM. */
  private base(stage: Stage): ReturnType<Solver['base']> {
    const given = this.namedContext(stage.base);
    const reference = given?.startsWith('docker-image://')
      ? given.slice('docker-image://'.length)
      : stage.base;
    const platform = stage.platform || this.attributes['platform'] || '';
    return this.image(
      reference,
      platform,
      given === undefined ? '[internal]' : `[context ${stage.base}]`,
    ).catch((error: Error) => Promise.reject(locate(error, stage.from)));
  }

  /** An image, asked for once per name and platform. */
  private image(reference: string, platform: string, label = '[internal]'): ReturnType<Solver['base']> {
    const { solver, session, progress, signal } = this.options;
    const resolveMode = this.attributes['image-resolve-mode'] ?? '';
    const key = `${reference}\n${platform}`;
    let found = this.bases.get(key);
    if (!found) {
      found = solver.base({ reference, platform, resolveMode, label, session, progress, signal });
      this.bases.set(key, found);
      found.catch(() => undefined);
    }
    return found;
  }

  async close(): Promise<void> {
    for (const tree of this.trees) await tree.close();
  }

  private async newTree(): Promise<Tree> {
    const tree = await Tree.create(posix.join(this.options.folder, `tree-${this.trees.length}`));
    this.trees.push(tree);
    return tree;
  }

  private async readDockerfile(name: string, vertex: Vertex): Promise<string> {
    const { session, signal, fill } = this.options;
    const remote = this.attributes['context'] ?? '';
    if (remote !== '' || fill) {
      const tree = await this.newTree();
      if (fill) await fill(tree);
      else if (remote.startsWith('http://buildkit-session/'))
        await this.readUpload(session, remote, tree, name);
      else await remoteContext(remote, tree, this.options.folder, { dockerfile: name, signal });
      this.uploaded = tree;
      if (!this.attributes['dockerfilekey']) {
        const inContext = tree.resolve(name);
        const entry = inContext && tree.entries.get(inContext.path);
        if (entry?.type === 'file') return (await tree.readAll(entry)).toString();
        throw noDockerfile(name);
      }
    }
    const tree = await this.newTree();
    const key = this.attributes['dockerfilekey'] ?? 'dockerfile';
    await session.files(tree, {
      name: key,
      follow: [name, `${name}.dockerignore`],
      signal,
      onBytes: (total) => vertex.status('transferring dockerfile:', total),
      onEnd: (total) => vertex.status('transferring dockerfile:', total, 0, true),
    });
    const found = tree.resolve(name) ?? (name === 'Dockerfile' ? tree.resolve('dockerfile') : null);
    const entry = found && tree.entries.get(found.path);
    if (entry?.type !== 'file') throw noDockerfile(posix.basename(name));
    const ignore = tree.entries.get(`${name}.dockerignore`);
    if (ignore?.type === 'file') this.ownIgnore = (await tree.readAll(ignore)).toString();
    return (await tree.readAll(entry)).toString();
  }

  private ownIgnore: string | undefined;

  private async readUpload(session: Session, url: string, tree: Tree, name: string): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of session.upload(url)) chunks.push(chunk);
    const bytes = Buffer.concat(chunks);
    const plain = await collect(await decompressed(Readable.from([bytes]))).catch(() => bytes);
    if (looksLikeTar(plain)) await tree.addTar(Readable.from([plain]));
    else
      await tree.addStream(name, Readable.from([bytes]), {
        size: bytes.length,
        mode: 0o644,
        mtime: new Date(0),
      });
  }

  /** The context's files, fetched once, when the first step needs them. */
  private context(): Promise<Tree> {
    this.contextTree ??= this.loadContext();
    return this.contextTree;
  }

  private ignoreText(): Promise<string> {
    const { session, progress, signal } = this.options;
    this.ignoreLoaded ??= progress.step('[internal] load .dockerignore', async (vertex) => {
      if (this.ownIgnore !== undefined) return this.ownIgnore;
      const tree = await this.newTree();
      await session.files(tree, {
        name: this.attributes['contextkey'] ?? 'context',
        follow: ['.dockerignore'],
        include: ['.dockerignore'],
        signal,
        onEnd: (total) => vertex.status('transferring context:', total, 0, true),
      });
      const entry = tree.entries.get('.dockerignore');
      return entry?.type === 'file' ? (await tree.readAll(entry)).toString() : '';
    });
    return this.ignoreLoaded;
  }

  private async loadContext(): Promise<Tree> {
    const { session, progress, signal } = this.options;
    if (this.uploaded) {
      const ignore = this.uploaded.entries.get('.dockerignore');
      if (ignore?.type === 'file') {
        const ignored = ignoreFilter((await this.uploaded.readAll(ignore)).toString());
        for (const path of [...this.uploaded.entries.keys()]) if (ignored(path)) this.uploaded.remove(path);
      }
      return this.uploaded;
    }
    const key = this.attributes['contextkey'] ?? 'context';
    const ignoreText = await this.ignoreText();
    const exclude = ignoreText
      .split(/\r?\n/)
      .map((line) => line.trim())
      .filter((line) => line !== '' && !line.startsWith('#'));
    return progress.step('[internal] load build context', async (vertex) => {
      const tree = await this.newTree();
      const follow = this.neededPaths();
      await session.files(tree, {
        name: key,
        ...(exclude.length > 0 ? { exclude } : {}),
        ...(follow ? { follow } : {}),
        signal,
        onBytes: (total) => vertex.status('transferring context:', total),
        onEnd: (total) => vertex.status('transferring context:', total, 0, true),
      });
      if (exclude.length > 0) {
        const ignored = ignoreFilter(ignoreText);
        for (const path of [...tree.entries.keys()]) if (ignored(path)) tree.remove(path);
      }
      return tree;
    });
  }

  /** The context paths that COPY, ADD and bind mounts name; null when all of it may be needed. */
  private neededPaths(): string[] | null {
    const needed = new Set<string>();
    for (const stage of this.stages) {
      for (const instruction of stage.instructions) {
        if (instruction.name === 'RUN') {
          if (
            instruction.flags.some(
              ({ name, value }) =>
                name === 'mount' && (!value.includes('type=') || value.includes('type=bind')),
            )
          )
            return null;
        }
        if (instruction.name === 'ONBUILD') continue;
        if (instruction.name !== 'COPY' && instruction.name !== 'ADD') continue;
        if (instruction.flags.some(({ name }) => name === 'from')) continue;
        const words = instruction.json ?? instruction.rest.split(/\s+/);
        for (const word of words.slice(0, -1)) {
          if (/[$"'\\]/.test(word)) return null;
          if (word.startsWith('<<') || /^(https?:|git@)/.test(word)) continue;
          const clean = posix.normalize(`/${word}`).slice(1).replace(/\/$/, '');
          if (clean === '') return null;
          needed.add(clean);
        }
      }
    }
    // A base image may bring triggers that copy: then everything is asked for.
    return needed.size > 0 ? [...needed] : null;
  }

  private stage(stage: Stage): Promise<StageResult> {
    let result = this.results.get(stage);
    if (!result) {
      result = this.buildStage(stage);
      this.results.set(stage, result);
      result.catch(() => undefined);
    }
    return result;
  }

  private findStage(name: string, before: Stage): Stage | undefined {
    const limit = this.stages.indexOf(before);
    const named = this.stages.findIndex(
      (stage, index) => index < limit && stage.name !== '' && stage.name === name.toLowerCase(),
    );
    if (named >= 0) return this.stages[named];
    if (/^\d+$/.test(name) && Number(name) < limit) return this.stages[Number(name)];
    return undefined;
  }

  /** A named context (`--build-context name=...`) given by the client; undefined when there is none of that name. */
  private namedContext(name: string): string | undefined {
    return this.attributes[`context:${name}`] ?? this.attributes[`context:${name}:latest`];
  }

  private async buildStage(stage: Stage): Promise<StageResult> {
    const { solver, progress, signal } = this.options;
    const index = this.stages.indexOf(stage);
    const label = this.labelled ? stage.name || `stage-${index}` : '';
    const count = (instructions: Instruction[]) =>
      instructions.filter(({ name }) => visible.has(name)).length;
    let numbers = new StepNumbers(label, count(stage.instructions));
    let state: StageResult;
    // The base is shown with the first step on it: what is wrong with an instruction's form is told before.
    let begin: () => void = () => undefined;
    const parent = this.findStage(stage.base, stage);
    const given = this.namedContext(stage.base);
    if (parent && given === undefined) state = structuredClone(await this.stage(parent));
    else if (stage.base === 'scratch' && given === undefined) {
      state = {
        snapshot: solver.scratch(),
        config: {},
        author: '',
        cmdSet: false,
        history: [],
        platform: solver.platform(stage.platform || this.attributes['platform']),
      };
    } else {
      const base = await this.base(stage);
      const triggers = (base.config.config?.OnBuild ?? []).flatMap(
        (trigger) => parseDockerfile(trigger).instructions,
      );
      numbers = new StepNumbers(
        label,
        count([...triggers, ...stage.instructions]) + (given === undefined ? 1 : 0),
      );
      const title =
        given === undefined ? numbers.next(`FROM ${base.name}`) : `[context ${stage.base}] ${base.name}`;
      begin = () => {
        begin = () => undefined;
        progress
          .vertex(title)
          .start()
          .done({ cached: base.local && stage.instructions.length === 0 });
      };
      state = {
        snapshot: base.snapshot,
        config: structuredClone(base.config.config ?? {}),
        author: base.config.author ?? '',
        cmdSet: false,
        history: structuredClone(base.config.history ?? []),
        platform: {
          os: base.config.os,
          architecture: base.config.architecture,
          ...(base.config.variant ? { variant: base.config.variant } : {}),
        },
      };
    }
    const args = new BuildArguments(
      {
        ...platformArguments(solver.platform(stage.platform || this.attributes['platform'])),
        ...prefixed(this.attributes, 'build-arg:'),
      },
      this.meta.asMeta(),
      this.meta.used,
    );
    if (parent && given === undefined) args.inherited = this.arguments.get(parent) ?? new Map();
    const triggers = (state.config.OnBuild ?? []).flatMap((trigger) => parseDockerfile(trigger).instructions);
    if (!(parent && given === undefined)) state.config.OnBuild = null;
    for (const instruction of [...triggers, ...stage.instructions]) {
      signal.throwIfAborted();
      try {
        const lookup: Lookup = (name) => envValue(state.config.Env, name) ?? args.get(name);
        if (visible.has(instruction.name)) begin();
        const title = visible.has(instruction.name)
          ? numbers.next(instructionTitle(instruction, lookup, this.dockerfile.escape))
          : '';
        await this.instruction(instruction, stage, state, args, title);
      } catch (error) {
        // What a trigger does wrong is shown at the FROM that brought it.
        throw locate(error, triggers.includes(instruction) ? stage.from : instruction);
      }
    }
    begin();
    this.arguments.set(stage, args.all());
    return state;
  }

  private async instruction(
    instruction: Instruction,
    stage: Stage,
    state: StageResult,
    args: BuildArguments,
    title: string,
  ): Promise<void> {
    const lookup: Lookup = (name) => envValue(state.config.Env, name) ?? args.get(name);
    const escaper = this.dockerfile.escape;
    switch (instruction.name) {
      case 'ARG': {
        const words = expandWords(instruction.rest, lookup, escaper);
        for (const word of words) {
          const equals = word.indexOf('=');
          if (equals < 0) args.declare(word, undefined);
          else args.declare(word.slice(0, equals), word.slice(equals + 1));
        }
        state.history.push(historyEntry(`ARG ${words.join(' ')}`));
        return;
      }
      case 'RUN':
        return this.run(instruction, stage, state, args, lookup, title);
      case 'COPY':
      case 'ADD':
        return this.copy(instruction, stage, state, lookup, title);
      case 'WORKDIR': {
        const path = expandWord(instruction.rest, lookup, escaper);
        state.config.WorkingDir = posix.resolve(state.config.WorkingDir || '/', path);
        state.snapshot = await this.options.solver.folder(
          state.snapshot,
          state.config.WorkingDir,
          this.vertexFor(title),
          this.uses(instruction, stage),
        );
        state.history.push(historyEntry(`WORKDIR ${state.config.WorkingDir}`, state.snapshot));
        return;
      }
      default: {
        const text = applyConfig(instruction, state, lookup, this.dockerfile);
        if (text === null) throw parseError(instruction.line, `unknown instruction: ${instruction.name}`);
        // Only CMD marks the image so, and a trigger is no step of the image's history (as BuildKit).
        if (instruction.name === 'CMD') state.config.ArgsEscaped = true;
        if (instruction.name === 'ONBUILD') return;
        state.history.push(historyEntry(configHistory(instruction, text, lookup, escaper)));
      }
    }
  }

  private vertexFor(title: string): Vertex {
    return this.options.progress.vertex(title);
  }

  /** Whether a step may come from the cache: `--no-cache` and `--no-cache-filter`. */
  private uses(_instruction: Instruction, stage: Stage): { cache: boolean; signal: AbortSignal } {
    const filter = this.attributes['no-cache'];
    const off =
      filter !== undefined &&
      (filter === '' || filter.split(',').some((name) => name.toLowerCase() === stage.name));
    return { cache: !off, signal: this.options.signal };
  }

  private async run(
    instruction: Instruction,
    stage: Stage,
    state: StageResult,
    args: BuildArguments,
    lookup: Lookup,
    title: string,
  ): Promise<void> {
    const { solver, session, signal } = this.options;
    const mounts: Mounts[] = [];
    let network = (this.attributes['force-network-mode'] || 'default') as string;
    for (const flag of instruction.flags) {
      if (flag.name === 'mount')
        mounts.push(parseMount(expandWord(flag.value, lookup), state.config.WorkingDir || '/'));
      else if (flag.name === 'network') network = flag.value;
      else throw parseError(instruction.line, `unknown flag: --${flag.name}`);
    }
    if (!['default', 'none', 'host', ''].includes(network))
      throw parseError(instruction.line, `invalid network mode: ${JSON.stringify(network)}`);
    const { command, shown } = runCommand(instruction, state.config);
    const names = new Set((state.config.Env ?? []).map((entry) => entry.split('=')[0]!));
    const extra = args.forRun(names);
    const declared = extra
      .filter(([name, , inKey]) => inKey && !name.startsWith('TARGET') && !name.startsWith('BUILD'))
      .map(([name, value]) => `${name}=${value}`);
    const env = [...(state.config.Env ?? []), ...extra.map(([name, value]) => `${name}=${value}`)];
    if (!names.has('PATH')) env.push('PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin');
    const preparing = solver.mounts(mounts, {
      session,
      context: () => this.context(),
      stage: async (name) => {
        const other = this.findStage(name, stage);
        if (other) return (await this.stage(other)).snapshot;
        const image = this.image(name, '');
        return (await image.catch((error) => Promise.reject(locate(error, null)))).snapshot;
      },
      folder: this.options.folder,
      signal,
    });
    const prepared = await preparing.catch((error: Error) => {
      if (/^(secret|unset ssh)/.test(error.message))
        this.vertexFor(title).start().done({ error: error.message });
      throw error;
    });
    try {
      state.snapshot = await solver.run(state.snapshot, {
        config: state.config,
        command,
        shown,
        env: [...env, ...prepared.env],
        keyEnv: [...env.filter((entry) => !/^(https?|ftp|no|all)_proxy=/i.test(entry))],
        mounts: prepared,
        network: (network || 'default') as 'default' | 'none' | 'host',
        privileged: false,
        extraHosts: (this.attributes['add-hosts'] ?? '')
          .split(',')
          .filter(Boolean)
          .map((entry) => entry.replace('=', ':')),
        hostname: this.attributes['hostname'] || 'buildkitsandbox',
        shmSize: Number(this.attributes['shm-size'] ?? 0) || 64 << 20,
        ulimits: (this.attributes['ulimit'] ?? '').split(',').filter(Boolean).map(parseUlimit),
        cgroupParent: this.attributes['cgroup-parent'] ?? '',
        vertex: this.vertexFor(title),
        ...this.uses(instruction, stage),
      });
    } finally {
      await prepared.release();
    }
    const prefix = declared.length > 0 ? `|${declared.length} ${declared.join(' ')} ` : '';
    state.history.push(historyEntry(`RUN ${prefix}${shown.join(' ')} # buildkit`, state.snapshot));
  }

  private async copy(
    instruction: Instruction,
    stage: Stage,
    state: StageResult,
    lookup: Lookup,
    title: string,
  ): Promise<void> {
    const { solver, session, signal } = this.options;
    const { name } = instruction;
    const flags: Record<string, string> = {};
    const exclude: string[] = [];
    for (const flag of instruction.flags) {
      const known = [
        'chown',
        'chmod',
        'link',
        'parents',
        'exclude',
        ...(name === 'COPY' ? ['from'] : ['checksum', 'keep-git-dir', 'unpack']),
      ];
      if (!known.includes(flag.name)) throw parseError(instruction.line, `unknown flag: --${flag.name}`);
      if (flag.name === 'exclude') exclude.push(expandWord(flag.value, lookup));
      else flags[flag.name] = flag.bare ? 'true' : expandWord(flag.value, lookup);
    }
    const words =
      (instruction.json ?? null)?.map((word) => expandWord(word, lookup, this.dockerfile.escape)) ??
      expandWords(instruction.rest, lookup, this.dockerfile.escape);
    const destination = words.at(-1)!;
    const patterns = words.slice(0, -1).filter((word) => !/^<<-?/.test(word));
    if (
      patterns.length + instruction.heredocs.length > 1 &&
      !destination.endsWith('/') &&
      destination !== '.'
    ) {
      throw parseError(
        instruction.line,
        `When using ${name} with more than one source file, the destination must be a directory and end with a /`,
      );
    }
    const target =
      posix.resolve('/', state.config.WorkingDir || '/', destination) +
      (destination.endsWith('/') || destination === '.' ? '/' : '');
    const sources: Source[] = [];
    const ignored = ignoreFilter(exclude.join('\n'));
    const parents = isTrue(flags['parents']);
    const find = (tree: Tree, pattern: string) =>
      parents ? parentSources(tree, pattern, ignored) : findSources(tree, pattern, name, false);
    let keepOwners = false;
    const vertex = this.vertexFor(title);
    try {
      if (instruction.heredocs.length > 0) {
        const tree = await this.newTree();
        for (const heredoc of instruction.heredocs) {
          const content = Buffer.from(
            heredoc.expand ? expandHeredoc(heredoc.content, lookup) : heredoc.content,
          );
          await tree.addStream(heredoc.name, Readable.from([content]), {
            size: content.length,
            mode: 0o644,
            mtime: new Date(0),
          });
          sources.push({ tree, path: heredoc.name, name: heredoc.name });
        }
      }
      if (flags['from'] !== undefined && !(flags['from'] === '')) {
        keepOwners = true;
        const other = this.findStage(flags['from'], stage);
        const given = this.namedContext(flags['from']);
        if (given?.startsWith('local:') || given?.startsWith('input:')) {
          const tree = await this.newTree();
          await session.files(tree, { name: given.slice(given.indexOf(':') + 1), signal });
          for (const pattern of patterns) sources.push(...find(tree, pattern));
          keepOwners = false;
        } else {
          const snapshot = other
            ? (await this.stage(other)).snapshot
            : (await this.image(given?.replace(/^docker-image:\/\//, '') ?? flags['from'], '')).snapshot;
          const tree = await this.newTree();
          await solver.look(snapshot, async (archive) => {
            for (const pattern of patterns)
              sources.push(
                ...(await (parents
                  ? readParents(archive, tree, pattern, ignored)
                  : readFrom(archive, tree, pattern))),
              );
          });
        }
      } else if (patterns.length > 0) {
        const needsContext = patterns.some((pattern) => !/^(https?:\/\/|git@)/.test(pattern));
        const tree = needsContext ? await this.context() : await this.newTree();
        if (name === 'ADD')
          sources.push(
            ...(await addSources(
              tree,
              patterns,
              this.options.folder,
              target.endsWith('/'),
              this.trees,
              signal,
              {
                checksum: flags['checksum'] ?? '',
                fromContext: false,
                ...(flags['unpack'] === undefined ? {} : { unpacks: isTrue(flags['unpack']) }),
              },
            )),
          );
        else for (const pattern of patterns) sources.push(...find(tree, pattern));
      }
    } catch (error) {
      const text =
        error instanceof FetchFailed
          ? error.buildKit
          : (error as Error).message.replace(
              /^failed to copy files: .*mkdir (.*): not.*/,
              'cannot copy to non-directory: $1',
            );
      const missing = /stat (.*): file does not exist/.exec(text)?.[1];
      const message =
        missing !== undefined
          ? `failed to calculate checksum of ref ${sha256(title).slice(0, 25)}::${sha256(text).slice(0, 25)}: "/${missing.replace(/^\/+/, '')}": not found`
          : text;
      vertex.start().done({ error: message });
      const key =
        missing !== undefined
          ? 'failed to compute cache key: '
          : error instanceof FetchFailed
            ? 'failed to load cache key: '
            : '';
      const failure = new BerthError(
        missing !== undefined ? 'not-found' : 'invalid-parameter',
        key + message,
        {
          cause: error,
        },
      );
      // BuildKit quotes no line for what it cannot fetch.
      throw /^failed to load cache key/.test(failure.message) ? locate(failure, null) : failure;
    }
    const kept = exclude.length > 0 ? withoutExcluded(sources, ignored) : sources;
    const chmod = flags['chmod'];
    if (chmod !== undefined && !/^[0-7]{1,4}$/.test(chmod))
      throw parseError(
        instruction.line,
        `invalid chmod parameter: '${chmod}'. it should be octal string and between 0 and 07777`,
      );
    const owner = flags['chown'] ?? '';
    state.snapshot = await solver.copy(state.snapshot, {
      sources: kept,
      target,
      digest: sourcesDigest(kept, sha256),
      ...(chmod === undefined ? {} : { mode: Number.parseInt(chmod, 8) }),
      owner: owner === '' ? undefined : (archive) => resolveOwner(archive, owner),
      ownerKey: owner,
      keepOwners: keepOwners && owner === '',
      vertex,
      ...this.uses(instruction, stage),
    });
    const flagText = instruction.flags
      .filter((flag) => ['chown', 'chmod', 'link', 'parents', 'exclude'].includes(flag.name))
      .map((flag) => (flag.bare ? `--${flag.name} ` : `--${flag.name}=${flag.value} `))
      .join('');
    state.history.push(historyEntry(`${name} ${flagText}${words.join(' ')} # buildkit`, state.snapshot));
  }
}
