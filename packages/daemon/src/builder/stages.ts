import { invalidParameter } from '../base/errors.ts';
import { applyConfig, BuildArguments, pairs } from '../dockerfile/config.ts';
import { locate } from '../dockerfile/location.ts';
import { parseMount } from '../dockerfile/mounts.ts';
import { type Dockerfile, type Instruction, parseError } from '../dockerfile/parse.ts';
import { expandWord, expandWords, splitWords } from '../dockerfile/words.ts';
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

const atLeastOne = new Set(['ARG', 'ENV', 'EXPOSE', 'HEALTHCHECK', 'LABEL', 'ONBUILD', 'SHELL', 'VOLUME']);
const exactlyOne = new Set(['MAINTAINER', 'STOPSIGNAL', 'USER', 'WORKDIR']);

const flags: Record<string, string[]> = {
  ADD: ['chown', 'chmod', 'keep-git-dir', 'checksum', 'link'],
  COPY: ['chown', 'chmod', 'from', 'link'],
  RUN: ['mount', 'network'],
  HEALTHCHECK: ['interval', 'timeout', 'start-period', 'start-interval', 'retries'],
};

/** Flags that the classic builder never knew; of the older ones it says that they need BuildKit. */
const buildKitFlags: Record<string, string[]> = {
  ADD: ['exclude', 'unpack'],
  COPY: ['parents', 'exclude'],
};

/** Flags that may stand without a value. */
const switches = new Set(['keep-git-dir', 'link', 'parents', 'unpack']);

/** Checks what can be checked before anything runs: number of arguments, flags, forms. */
function check(instruction: Instruction, dockerfile: Dockerfile, buildKit: boolean): void {
  const { name, rest, line } = instruction;
  for (const flag of instruction.flags) {
    if (!flags[name]?.includes(flag.name) && !(buildKit && buildKitFlags[name]?.includes(flag.name)))
      throw parseError(line, `unknown flag: ${flag.name}`);
    if (flag.bare && !switches.has(flag.name))
      throw parseError(line, `missing a value on flag: ${flag.name}`);
  }
  if (name === 'ADD' || name === 'COPY') {
    const count = instruction.json?.length ?? splitWords(rest).length;
    if (count === 0 && instruction.json)
      throw parseError(
        line,
        `${name} requires at least two arguments, but no arguments were provided. Source could not be determined`,
      );
    if (count < 2)
      throw parseError(
        line,
        `${name} requires at least two arguments, but only one was provided. Destination could not be determined`,
      );
  }
  if (rest === '') {
    if (atLeastOne.has(name)) throw parseError(line, `${name} requires at least one argument`);
    if (exactlyOne.has(name)) throw parseError(line, `${name} requires exactly one argument`);
  }
  if (name === 'RUN' && buildKit) checkRun(instruction);
  if (name === 'ADD' && buildKit) checkSum(instruction);
  if (name === 'ARG')
    for (const word of splitWords(rest, dockerfile.escape))
      if (word.startsWith('=')) throw parseError(line, 'ARG names can not be blank');
  if (name === 'ENV' || name === 'LABEL') checkPairs(instruction, dockerfile, buildKit);
  if (!['ADD', 'ARG', 'COPY', 'RUN', 'WORKDIR'].includes(name)) dryRun(instruction, dockerfile);
}

/** A RUN's flags; a mount with variables in it can only be looked at when its values are known. */
function checkRun({ flags, line }: Instruction): void {
  for (const { name, value } of flags) {
    if (name === 'mount' && !value.includes('$')) parseMount(value, '/');
    if (name === 'network' && !['default', 'none', 'host'].includes(value))
      throw parseError(line, `invalid network mode ${JSON.stringify(value)}`);
  }
}

/** An ADD's `--checksum`: sha256 in full, and of something fetched. */
function checkSum({ flags, rest }: Instruction): void {
  const sum = flags.find(({ name }) => name === 'checksum')?.value;
  if (sum === undefined || sum.includes('$')) return;
  if (!/^[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[a-zA-Z0-9=_-]+$/.test(sum))
    throw invalidParameter('invalid checksum digest format');
  if (!sum.startsWith('sha256:')) throw invalidParameter('unsupported digest algorithm');
  if (!/^sha256:[a-f0-9]{64}$/.test(sum)) throw invalidParameter('invalid checksum digest length');
  if (!/^https?:\/\//.test(rest))
    throw invalidParameter("checksum can't be specified for non-HTTP(S) sources");
}

/** Tells of what is wrong with an instruction's form; what only its values make wrong is told when it is its turn. */
function dryRun(instruction: Instruction, dockerfile: Dockerfile): void {
  const stage = { config: {}, author: '', cmdSet: false, args: new BuildArguments({}) };
  try {
    applyConfig(instruction, stage, () => 'x', dockerfile);
  } catch (error) {
    if ((error as Error).message.startsWith('dockerfile parse error')) throw error;
  }
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
  if (dockerfile.instructions.length === 0)
    throw locate(
      invalidParameter(`${buildKit ? '' : 'failed to parse Dockerfile: '}file with no instructions`),
      { line: 1, endLine: 1 },
    );
  for (const instruction of dockerfile.instructions) {
    try {
      if (instruction.name === 'FROM') {
        stages.push(fromStage(instruction, meta, dockerfile.escape, buildKit));
        continue;
      }
      check(instruction, dockerfile, buildKit);
    } catch (error) {
      throw locate(error, instruction);
    }
    const stage = stages.at(-1);
    if (stage) stage.instructions.push(instruction);
    else if (instruction.name === 'ARG') {
      metaInstructions.push(instruction);
      for (const word of expandWords(instruction.rest, (name) => meta.get(name), dockerfile.escape)) {
        const equals = word.indexOf('=');
        meta.declare(
          equals < 0 ? word : word.slice(0, equals),
          equals < 0 ? undefined : word.slice(equals + 1),
        );
      }
    } else throw locate(invalidParameter('no build stage in current context'), instruction);
  }
  if (stages.length === 0)
    throw invalidParameter('dockerfile parse error: no build stage in current context');
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

/** The form of `name=value` pairs; the values are looked at when it is their turn. */
function checkPairs(instruction: Instruction, dockerfile: Dockerfile, buildKit: boolean): void {
  try {
    pairs(instruction, dockerfile.escape);
  } catch (error) {
    const text = (error as Error).message;
    if (!text.startsWith('dockerfile parse error') && !buildKit)
      throw invalidParameter(`failed to parse Dockerfile: ${text}`, error);
    throw error;
  }
}

function fromStage(from: Instruction, meta: BuildArguments, escaper: string, buildKit: boolean): Stage {
  const words = splitWords(from.rest, escaper);
  if (!(words.length === 1 || (words.length === 3 && words[1]!.toLowerCase() === 'as'))) {
    throw parseError(from.line, 'FROM requires either one or three arguments');
  }
  const name = (words[2] ?? '').toLowerCase();
  if (name !== '' && !/^[a-z][a-z0-9-_.]*$/.test(name)) {
    throw parseError(
      from.line,
      `invalid name for build stage: "${words[2]}", name can't start with a number or contain symbols`,
    );
  }
  let platform = '';
  for (const flag of from.flags) {
    if (flag.name !== 'platform') throw parseError(from.line, `unknown flag: ${flag.name}`);
    platform = expandWord(flag.value, (variable) => meta.get(variable), escaper);
    if (buildKit) checkPlatform(platform);
  }
  const base = expandWord(words[0]!, (variable) => meta.get(variable), escaper);
  // The classic builder tells when it is the stage's turn.
  if (base === '' && buildKit) throw blankBase(words[0]!);
  if (buildKit) {
    try {
      fullReference(base);
    } catch (error) {
      throw invalidParameter(
        `failed to parse stage name ${JSON.stringify(base)}: ${(error as Error).message}`,
      );
    }
  }
  return { from, name, base, platform, instructions: [] };
}

/** A FROM whose variables came to nothing. */
export const blankBase = (written: string) => invalidParameter(`base name (${written}) should not be blank`);

/** @throws invalid-parameter for what is no platform. */
export function checkPlatform(platform: string): void {
  try {
    if (platform !== '') parsePlatform(platform);
  } catch (error) {
    throw invalidParameter(`failed to parse platform ${platform}: ${(error as Error).message}`, error);
  }
}
