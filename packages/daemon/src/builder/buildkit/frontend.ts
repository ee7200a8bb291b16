import { posix } from 'node:path';
import { BerthError, invalidParameter } from '../../base/errors.ts';
import { BuildArguments, declarations } from '../../dockerfile/arguments.ts';
import { variablesOf, withPath } from '../../dockerfile/environment.ts';
import { parseError } from '../../dockerfile/errors.ts';
import { locate } from '../../dockerfile/location.ts';
import { applyMetadata, workingDirectory } from '../../dockerfile/metadata.ts';
import { parseDockerfile, parseInSlices } from '../../dockerfile/parse.ts';
import type { Dockerfile, Instruction } from '../../dockerfile/types.ts';
import { expandWord, type Lookup } from '../../dockerfile/words.ts';
import { missingEntitlement } from '../entitlements.ts';
import { planStages, type Stage } from '../stages.ts';
import { BuildContext } from './build-context.ts';
import {
  configHistory,
  epochOf,
  historyEntry,
  noDockerfile,
  platformArguments,
  platformText,
  prefixed,
} from './instructions.ts';
import type { FrontendOptions } from './options.ts';
import type { Vertex } from './progress/progress.ts';
import { instructionTitle, StepNumbers } from './progress/titles.ts';
import { References } from './references.ts';
import { contextSnapshot } from './steps/context-snapshot.ts';
import { copyStep } from './steps/copy-step.ts';
import { runStep } from './steps/run-step.ts';
import { type Build, type StageResult, type Step, stepUses } from './steps/step.ts';

/** Instructions that show as a numbered step. */
const visible = new Set(['RUN', 'COPY', 'ADD', 'WORKDIR']);

/** BuildKit's `dockerfile.v0`: a Dockerfile to a graph of which only what the target needs is done. */
export class DockerfileFrontend implements Build {
  readonly options: FrontendOptions;
  private readonly attributes: Record<string, string>;
  dockerfile!: Dockerfile;
  readonly context: BuildContext;
  references!: References;
  /** The Dockerfile as it was read, and its name: what errors quote. */
  text = '';
  filename = 'Dockerfile';
  private definition: Vertex | undefined;
  /** The platform in the titles of steps, where there are several. */
  private readonly label: string;
  private labelled = false;
  private stages: Stage[] = [];
  private meta!: BuildArguments;
  private readonly results = new Map<Stage, Promise<StageResult>>();
  /** The build arguments at the end of each stage. */
  private readonly arguments = new Map<Stage, ReadonlyMap<string, string | undefined>>();

  /** `context`: one that another front end of the same build has; `several`: there is one for each platform. */
  constructor(options: FrontendOptions, context = new BuildContext(options), several = false) {
    this.options = options;
    this.attributes = options.attributes;
    this.context = context;
    this.label = several ? platformText(options.solver.platform(options.attributes['platform'])) : '';
  }

  /** Arguments that are known without being declared. */
  get platformArguments(): Record<string, string> {
    const { solver } = this.options;
    return platformArguments(solver.platform(this.attributes['platform']), solver.platform());
  }

  /** Reads the Dockerfile. @throws not-found where there is none. */
  async read(): Promise<void> {
    const { attributes } = this;
    const name = attributes['filename'] || 'Dockerfile';
    epochOf(attributes);
    this.filename = posix.basename(name);
    const { text, vertex, shown } = await this.context.definition(name);
    // The step that looked for the file has not failed: a missing Dockerfile is the build's error.
    if (text === undefined) throw noDockerfile(posix.basename(name));
    if (shown) this.filename = shown;
    this.text = text;
    this.definition = vertex;
  }

  /** Finds out what there is to do, and asks for the images that it stands on. @throws BerthError with BuildKit's texts. */
  async prepare(): Promise<void> {
    const { attributes } = this;
    await this.read();
    if (this.text === '') throw invalidParameter('the Dockerfile cannot be empty');
    this.dockerfile = await parseInSlices(this.text);
    this.checkSyntax();
    for (const warning of this.dockerfile.warnings) this.definition?.warn(warning);
    this.meta = new BuildArguments({
      ...this.platformArguments,
      ...prefixed(attributes, 'build-arg:'),
    });
    for (const argument of Object.keys(this.platformArguments)) this.meta.declare(argument, undefined);
    const plan = planStages(this.dockerfile, attributes['target'] ?? '', this.meta, { buildKit: true });
    this.stages = plan.stages;
    this.context.stages = [...this.context.stages, ...plan.stages];
    this.references = new References(this.options, plan.stages);
    this.labelled =
      plan.count > 1 ||
      this.stages.some(({ instructions }) =>
        instructions.some(({ flags }) => flags.some(({ name }) => name === 'mount' || name === 'from')),
      );
    const needed = await this.references.resolve(this.stages.at(-1)!);
    if (!this.context.whole) await this.context.ignoreText();
    const missing = missingEntitlement(
      needed,
      attributes['force-network-mode'] ?? '',
      this.options.entitlements,
    );
    if (missing) throw new BerthError('forbidden', `failed to load LLB: ${missing} is not allowed`);
  }

  /** Builds the target stage. @throws BerthError with BuildKit's texts. */
  async build(): Promise<StageResult> {
    const { attributes } = this;
    const { solver, session, progress, signal, imports } = this.options;
    const platform = attributes['platform'] ?? '';
    await solver.caches.load(imports, { session, progress, signal, platform });
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

  /** The result of a stage; each stage is built once. */
  stage(stage: Stage): Promise<StageResult> {
    let result = this.results.get(stage);
    if (!result) {
      result = this.buildStage(stage);
      this.results.set(stage, result);
      result.catch(() => undefined);
    }
    return result;
  }

  private async buildStage(stage: Stage): Promise<StageResult> {
    const { solver, progress, signal } = this.options;
    const index = this.stages.indexOf(stage);
    const label = [this.label, this.labelled ? stage.name || `stage-${index}` : ''].filter(Boolean).join(' ');
    const count = (instructions: Instruction[]) =>
      instructions.filter(({ name }) => visible.has(name)).length;
    let numbers = new StepNumbers(label, count(stage.instructions));
    let state: StageResult;
    // The base is shown with the first step on it: what is wrong with an instruction's form is told before.
    let begin: () => void = () => undefined;
    const parent = this.references.findStage(stage.base, stage);
    const given = this.references.namedContext(stage.base);
    const files = given === undefined ? undefined : await this.context.named(stage.base);
    if (parent && given === undefined) state = structuredClone(await this.stage(parent));
    else if (files) {
      numbers = new StepNumbers(label, count(stage.instructions) + 1);
      const snapshot = await contextSnapshot(this.options, stage, files);
      const config = withPath({ WorkingDir: '/' });
      const history = [historyEntry(`[context ${stage.base}] load from client`, snapshot)];
      const platform = solver.platform(stage.platform || this.attributes['platform']);
      state = { snapshot, config, author: '', cmdSet: false, buildKit: true, history, platform };
    } else if (stage.base === 'scratch' && given === undefined) {
      state = {
        snapshot: solver.scratch(),
        config: withPath({ WorkingDir: '/' }),
        author: '',
        cmdSet: false,
        buildKit: true,
        history: [],
        platform: solver.platform(stage.platform || this.attributes['platform']),
      };
    } else {
      const base = await this.references.base(stage);
      const triggers = (base.config.config?.OnBuild ?? []).flatMap(
        (trigger) => parseDockerfile(trigger).instructions,
      );
      numbers = new StepNumbers(label, count([...triggers, ...stage.instructions]) + 1);
      const title =
        given === undefined
          ? numbers.next(`FROM ${base.name}`)
          : `[context ${stage.base}] ${given.replace(/^docker-image:\/\//, '')}`;
      begin = () => {
        begin = () => undefined;
        progress
          .vertex(title)
          .start()
          .done({ cached: base.local && stage.instructions.length === 0 });
      };
      state = {
        snapshot: base.snapshot,
        config: withPath(structuredClone(base.config.config ?? {})),
        author: base.config.author ?? '',
        cmdSet: false,
        buildKit: true,
        history: structuredClone(base.config.history ?? []),
        platform: {
          os: base.config.os,
          architecture: base.config.architecture,
          ...(base.config.variant ? { variant: base.config.variant } : {}),
        },
      };
    }
    const args = new BuildArguments(
      prefixed(this.attributes, 'build-arg:'),
      this.meta.asMeta(),
      this.meta.used,
    );
    if (parent && given === undefined) args.inherited = this.arguments.get(parent) ?? new Map();
    const triggers = (state.config.OnBuild ?? []).flatMap((trigger) => parseDockerfile(trigger).instructions);
    if (!(parent && given === undefined)) state.config.OnBuild = null;
    const variables = variablesOf(state.config);
    const inherited = state.history.length;
    for (const instruction of [...triggers, ...stage.instructions]) {
      signal.throwIfAborted();
      try {
        const lookup: Lookup = (name) => variables(name) ?? args.get(name);
        if (visible.has(instruction.name)) begin();
        const title = visible.has(instruction.name)
          ? numbers.next(instructionTitle(instruction, lookup, this.dockerfile.escape))
          : '';
        await this.instruction({ instruction, stage, state, lookup, title }, args);
      } catch (error) {
        // An error of an ONBUILD trigger is shown at the FROM that brought it.
        throw locate(error, triggers.includes(instruction) ? stage.from : instruction);
      }
    }
    const epoch = epochOf(this.attributes);
    if (epoch)
      for (const entry of state.history.slice(inherited))
        entry.created = epoch.toISOString().replace('.000Z', 'Z');
    begin();
    this.arguments.set(stage, args.all());
    return state;
  }

  private async instruction(step: Step, args: BuildArguments): Promise<void> {
    const { instruction, stage, state, lookup, title } = step;
    const escaper = this.dockerfile.escape;
    switch (instruction.name) {
      case 'ARG': {
        const declared = declarations(instruction, lookup, escaper);
        for (const [name, value] of declared) args.declare(name, value);
        const words = declared.map(([name, value]) => (value === undefined ? name : `${name}=${value}`));
        state.history.push(historyEntry(`ARG ${words.join(' ')}`));
        return;
      }
      case 'RUN':
        return runStep(this, step, args);
      case 'COPY':
      case 'ADD':
        return copyStep(this, step);
      case 'WORKDIR': {
        const path = expandWord(instruction.args[0]!, lookup, escaper);
        state.config.WorkingDir = workingDirectory(state.config, path);
        state.snapshot = await this.options.solver.folder(
          state.snapshot,
          state.config.WorkingDir,
          this.options.progress.vertex(title),
          { ...stepUses(this.options, stage), time: epochOf(this.attributes) },
        );
        state.history.push(historyEntry(`WORKDIR ${state.config.WorkingDir}`, state.snapshot));
        return;
      }
      default: {
        const text = applyMetadata(instruction, state, lookup, this.dockerfile);
        if (text === null) throw parseError(instruction.line, `unknown instruction: ${instruction.name}`);
        // Only CMD marks the image so, and a trigger is no step of the image's history (as BuildKit).
        if (instruction.name === 'CMD') state.config.ArgsEscaped = true;
        if (instruction.name === 'ONBUILD') return;
        state.history.push(historyEntry(configHistory(instruction, text, lookup, escaper)));
      }
    }
  }
}
