import { invalidParameter } from '../errors.ts';
import { applyConfig, BuildArguments, nameValues } from './config.ts';
import { type Dockerfile, type Instruction, parseError } from './dockerfile/parse.ts';
import { expandWord, expandWords, splitWords } from './dockerfile/words.ts';

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
  ADD: ['chown', 'chmod', 'keep-git-dir', 'checksum', 'link', 'exclude', 'unpack'],
  COPY: ['chown', 'chmod', 'from', 'link', 'parents', 'exclude'],
  RUN: ['mount', 'network', 'security', 'device'],
  HEALTHCHECK: ['interval', 'timeout', 'start-period', 'start-interval', 'retries'],
};

/** Checks what can be checked before anything runs: number of arguments, flags, forms. */
function check(instruction: Instruction, dockerfile: Dockerfile): void {
  const { name, rest, line } = instruction;
  for (const flag of instruction.flags)
    if (!flags[name]?.includes(flag.name)) throw parseError(line, `unknown flag: ${flag.name}`);
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
  if (name === 'ENV' || name === 'LABEL') nameValues(instruction, () => '', dockerfile.escape);
  if (!['ADD', 'ARG', 'COPY', 'RUN', 'WORKDIR'].includes(name)) dryRun(instruction, dockerfile);
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
): { stages: Stage[]; metaInstructions: Instruction[] } {
  const stages: Stage[] = [];
  const metaInstructions: Instruction[] = [];
  if (dockerfile.instructions.length === 0)
    throw invalidParameter('dockerfile parse error: file with no instructions');
  for (const instruction of dockerfile.instructions) {
    if (instruction.name === 'FROM') {
      stages.push(fromStage(instruction, meta, dockerfile.escape));
      continue;
    }
    check(instruction, dockerfile);
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
    } else throw invalidParameter('no build stage in current context');
  }
  if (stages.length === 0)
    throw invalidParameter('dockerfile parse error: no build stage in current context');
  if (target === '') return { stages, metaInstructions };
  const number = /^\d+$/.test(target) ? Number(target) : -1;
  const index = stages.findIndex((stage) => stage.name === target.toLowerCase());
  const wanted = index >= 0 ? index : number;
  if (wanted < 0 || wanted >= stages.length)
    throw invalidParameter(`target stage "${target}" could not be found`);
  return { stages: stages.slice(0, wanted + 1), metaInstructions };
}

function fromStage(from: Instruction, meta: BuildArguments, escaper: string): Stage {
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
  }
  const base = expandWord(words[0]!, (variable) => meta.get(variable), escaper);
  if (base === '') throw invalidParameter(`base name (${words[0]}) should not be blank`);
  return { from, name, base, platform, instructions: [] };
}
