import { invalidParameter } from '../base/errors.ts';
import { type BuildArguments, declarations } from '../dockerfile/arguments.ts';
import { checkInstruction, checkSum } from '../dockerfile/check.ts';
import { locate } from '../dockerfile/location.ts';
import { parseMount } from '../dockerfile/mounts.ts';
import type { Dockerfile, Instruction } from '../dockerfile/types.ts';
import { expandWord } from '../dockerfile/words.ts';
import { fullReference, parsePlatform } from '../images/index.ts';
import { checkSources } from './stage-sources.ts';

/** One FROM and what follows it. */
export interface Stage {
  from: Instruction;
  /** Lower case; '' without AS. */
  name: string;
  /** The image or stage it stands on, variables expanded. */
  base: string;
  platform: string;
  /** What is wrong with its FROM, which the classic builder tells when it is the stage's turn. */
  fault?: unknown;
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
    } catch (fault) {
      if (buildKit) throw locate(fault, from);
      stages.push({ from, name: stageName(from), base: '', platform: '', instructions, fault });
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
  const [written = ''] = from.args;
  const lookup = (variable: string) => meta.get(variable);
  const base = expandWord(written, lookup, escaper);
  // The classic builder tells when it is the stage's turn.
  if (base === '' && buildKit) throw blankBase(written);
  const flag = from.flags.find((item) => item.name === 'platform')?.value ?? '';
  const platform = expandWord(flag, lookup, escaper);
  if (buildKit && flag !== '') checkPlatform(platform);
  if (buildKit) checkBaseName(base);
  return { from, name: stageName(from), base, platform };
}

const stageName = ({ args }: Instruction) => (args[2] ?? '').toLowerCase();

/** Checks what BuildKit checks before anything runs: a checksum or a mount without variables. */
function checkValues({ name, flags, args }: Instruction): void {
  for (const flag of flags) {
    if (flag.value === '' || flag.value.includes('$')) continue;
    if (name === 'ADD' && flag.name === 'checksum') checkSum(flag.value, args.slice(0, -1));
    // The base of the stage is not known yet: a target is looked at in its turn.
    if (name === 'RUN' && flag.name === 'mount') parseMount(flag.value, '/nowhere');
  }
}

/** @throws invalid-parameter for what is no image's name */
export function checkBaseName(name: string): void {
  try {
    fullReference(name);
  } catch (error) {
    throw invalidParameter(
      `failed to parse stage name ${JSON.stringify(name)}: ${(error as Error).message}`,
      error,
    );
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
