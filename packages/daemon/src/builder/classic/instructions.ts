import { BerthError } from '../../base/errors.ts';
import { declarations } from '../../dockerfile/arguments.ts';
import { shellOf } from '../../dockerfile/environment.ts';
import { parseError } from '../../dockerfile/errors.ts';
import { applyMetadata, workingDirectory } from '../../dockerfile/metadata.ts';
import type { Healthcheck, Instruction } from '../../dockerfile/types.ts';
import { expandWord } from '../../dockerfile/words.ts';
import { isFolder, leadsNowhere } from '../copy.ts';
import { copyStep } from './copy.ts';
import { short } from './output.ts';
import { runStep } from './run.ts';
import type { State } from './state.ts';
import type { ClassicWork } from './work.ts';

/** Does one instruction of a stage, FROM apart: the state is what it made of it. */
export async function dispatch(work: ClassicWork, instruction: Instruction, state: State): Promise<void> {
  const lookup = work.lookup(state);
  switch (instruction.name) {
    case 'ARG': {
      const declared = declarations(instruction, lookup, work.dockerfile.escape);
      for (const [name, value] of declared) state.args.declare(name, value);
      return commitConfig(
        work,
        state,
        `ARG ${declared.map(([name, value]) => (value === undefined ? name : `${name}=${value}`)).join(' ')}`,
      );
    }
    case 'RUN':
      return runStep(work, instruction, state);
    case 'COPY':
    case 'ADD':
      return copyStep(work, instruction, state);
    case 'WORKDIR':
      return workdir(work, instruction, state);
    default: {
      const before = state.config.Healthcheck;
      const comment = applyMetadata(instruction, state, lookup, work.dockerfile);
      if (instruction.name === 'HEALTHCHECK') overrideHealthcheck(work, state, before);
      if (instruction.name === 'VOLUME') await checkVolumes(work, state);
      if (comment === null) throw parseError(instruction.line, `unknown instruction: ${instruction.name}`);
      return commitConfig(work, state, comment);
    }
  }
}

/** A check of the base or of an instruction before: it is told of, and what the new one leaves out is taken from it. */
function overrideHealthcheck(work: ClassicWork, { config }: State, before: Healthcheck | undefined): void {
  if (!before?.Test?.length) return;
  if (before.Test[0] !== 'NONE')
    work.output.write(`Note: overriding previous HEALTHCHECK: [${before.Test.join(' ')}]\n`);
  const given = Object.entries(config.Healthcheck ?? {}).filter(([, value]) => value !== 0);
  config.Healthcheck = { ...before, ...Object.fromEntries(given) };
}

/** Labels of the request to build: each is a step of its own, as if it stood at the Dockerfile's end. */
export async function applyLabels(work: ClassicWork, state: State): Promise<void> {
  const labels = Object.entries(work.options.labels).sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [name, value] of labels) {
    work.output.announce(`LABEL ${name}=${value}`);
    state.config.Labels = { ...state.config.Labels, [name]: value };
    await commitConfig(work, state, `LABEL ${name}=${value}`);
    work.output.finished(state.image);
  }
}

/** A step that changes the configuration alone. */
async function commitConfig(work: ClassicWork, state: State, comment: string): Promise<void> {
  const createdBy = `${shellOf(state.config).join(' ')} #(nop)  ${comment}`;
  const command = [...shellOf(state.config), '#(nop) ', comment];
  await work.images.cached(state, createdBy, createdBy, () =>
    inContainer(work, state, command, () => work.images.register(state, createdBy)),
  );
}

async function workdir(work: ClassicWork, instruction: Instruction, state: State): Promise<void> {
  const path = expandWord(instruction.args[0]!, work.lookup(state), work.dockerfile.escape);
  const config = state.config;
  config.WorkingDir = workingDirectory(config, path);
  const createdBy = `${shellOf(config).join(' ')} #(nop) WORKDIR ${config.WorkingDir}`;
  const command = [...shellOf(config), `#(nop) WORKDIR ${config.WorkingDir}`];
  await work.images.cached(state, createdBy, createdBy, () =>
    inContainer(work, state, command, async () => {
      const layer = await work.steps.makeFolder(
        work.images.diffIds(state.image),
        config.WorkingDir!,
        work.options.signal,
      );
      return work.images.register(state, createdBy, layer ?? undefined);
    }),
  );
}

/** Gives a step that runs nothing its container, and its lines of output. */
function inContainer(
  work: ClassicWork,
  state: State,
  command: string[],
  make: () => Promise<string>,
): Promise<string> {
  return work.steps.shown(
    {
      image: state.image,
      config: state.config,
      command,
      keep: !work.options.rm && !work.options.forceRm,
      onCreated: (id) => work.output.write(` ---> Running in ${short(id)}\n`),
      onRemoved: (id) => work.output.removed(id),
    },
    make,
  );
}

/** @throws system with dockerd's text for a volume where a file is. */
async function checkVolumes(work: ClassicWork, { image, config }: State): Promise<void> {
  await work.steps.withRoot(work.images.diffIds(image), async (archive) => {
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
