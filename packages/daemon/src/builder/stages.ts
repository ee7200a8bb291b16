import { invalidParameter } from '../base/errors.ts';
import { type BuildArguments, declarations } from '../dockerfile/arguments.ts';
import { checkInstruction, checkSum } from '../dockerfile/check.ts';
import { locate } from '../dockerfile/location.ts';
import { parseMount } from '../dockerfile/mounts.ts';
import type { Dockerfile, Instruction } from '../dockerfile/types.ts';
import { expandWord } from '../dockerfile/words.ts';
import { fullReference, parsePlatform } from '../images/index.ts';

/** One FROM and what follows it. */
export interface Stage {
  from: Instruction;
  /** Lower case; '' without AS. */
  name: string;
  /** The image or stage it stands on, variables expanded. */
  base: string;
  platform: string;
  instructions: Instruction[];
}

/**
 * Splits a Dockerfile into stages, up to the target.
 * @throws invalid-parameter with dockerd's texts.
 */
export function planStages(
  dockerfile: Dockerfile,
  target: string,
  meta: BuildArguments,
  { buildKit = false } = {},
): { stages: Stage[]; metaInstructions: Instruction[]; count: number } {
  const stages: Stage[] = [];
  const metaInstructions: Instruction[] = [];
  const froms: Array<{ from: Instruction; instructions: Instruction[] }> = [];
  for (const instruction of dockerfile.instructions) {
    try {
      checkInstruction(instruction, { buildKit });
      if (buildKit) checkValues(instruction);
      if (instruction.name === 'FROM') froms.push({ from: instruction, instructions: [] });
      else if (froms.length > 0) froms.at(-1)!.instructions.push(instruction);
      else if (instruction.name === 'ARG') metaInstructions.push(instruction);
      else throw invalidParameter('no build stage in current context');
    } catch (error) {
      throw locate(error, instruction);
    }
  }
  for (const instruction of metaInstructions)
    for (const [name, value] of declarations(
      instruction,
      (variable) => meta.get(variable),
      dockerfile.escape,
    ))
      meta.declare(name, value);
  for (const { from, instructions } of froms) {
    try {
      stages.push({ ...fromStage(from, meta, dockerfile.escape, buildKit), instructions });
    } catch (error) {
      throw locate(error, from);
    }
  }
  if (stages.length === 0)
    throw invalidParameter('dockerfile parse error: no build stage in current context');
  if (buildKit) checkSources(stages);
  const count = stages.length;
  if (target === '') return { stages, metaInstructions, count };
  // A number counts the stages for BuildKit; the classic builder knows names only.
  const number = buildKit && /^\d+$/.test(target) ? Number(target) : -1;
  const index = stages.findIndex((stage) => stage.name === target.toLowerCase());
  const wanted = index >= 0 ? index : number;
  if (wanted < 0 || wanted >= stages.length)
    throw invalidParameter(`target stage "${target}" could not be found`);
  return { stages: stages.slice(0, wanted + 1), metaInstructions, count };
}

function fromStage(
  from: Instruction,
  meta: BuildArguments,
  escaper: string,
  buildKit: boolean,
): Omit<Stage, 'instructions'> {
  const [written = '', , name = ''] = from.args;
  const lookup = (variable: string) => meta.get(variable);
  const base = expandWord(written, lookup, escaper);
  // The classic builder tells when it is the stage's turn.
  if (base === '' && buildKit) throw blankBase(written);
  const flag = from.flags.find((item) => item.name === 'platform')?.value ?? '';
  const platform = expandWord(flag, lookup, escaper);
  if (buildKit && flag !== '') checkPlatform(platform);
  if (buildKit) {
    try {
      fullReference(base);
    } catch (error) {
      throw invalidParameter(
        `failed to parse stage name ${JSON.stringify(base)}: ${(error as Error).message}`,
      );
    }
  }
  return { from, name: name.toLowerCase(), base, platform };
}

/** Whether each `--from` of a COPY names what is there before it. @throws invalid-parameter with BuildKit's texts. */
function checkSources(stages: Stage[]): void {
  for (const [index, stage] of stages.entries()) {
    for (const instruction of stage.instructions) {
      const from = instruction.flags.find(({ name }) => name === 'from')?.value ?? '';
      if (instruction.name !== 'COPY' || from === '') continue;
      const number = /^\d+$/.test(from) ? Number(from) : -1;
      if (number >= stages.length) throw locate(invalidParameter(`invalid stage index ${from}`), null);
      const named = stages.findLastIndex(({ name }) => name !== '' && name === from.toLowerCase());
      const source = number >= 0 ? number : named;
      const own = stage.name || `stage-${index}`;
      if (source === index)
        throw locate(invalidParameter(`circular dependency detected on stage: ${own}`), instruction);
      if (source > index && !stages.slice(0, index).some(({ name }) => name === from.toLowerCase()))
        throw locate(
          invalidParameter(
            `cannot copy from stage ${JSON.stringify(from)}, it needs to be defined before current stage ${JSON.stringify(own)}`,
          ),
          instruction,
        );
    }
  }
}

/** Checks what BuildKit checks before anything runs: a checksum or a mount without variables. */
function checkValues({ name, flags, args }: Instruction): void {
  for (const flag of flags) {
    if (flag.value === '' || flag.value.includes('$')) continue;
    if (name === 'ADD' && flag.name === 'checksum') checkSum(flag.value, args.slice(0, -1));
    // The base of the stage is not known yet: a target is looked at in its turn.
    if (name === 'RUN' && flag.name === 'mount') parseMount(flag.value, '/nowhere');
  }
}

/** A FROM whose variables came to nothing. */
export const blankBase = (written: string) => invalidParameter(`base name (${written}) should not be blank`);

/** @throws invalid-parameter for what is no platform. */
export function checkPlatform(platform: string): void {
  try {
    if (platform === '')
      throw invalidParameter(
        '"" is an invalid OS component of "": OSAndVersion specifier component must match "^([A-Za-z0-9_-]+)(?:\\\\(([A-Za-z0-9_.-]*)\\\\))?$": invalid argument',
      );
    parsePlatform(platform);
  } catch (error) {
    throw invalidParameter(`failed to parse platform ${platform}: ${(error as Error).message}`, error);
  }
}
