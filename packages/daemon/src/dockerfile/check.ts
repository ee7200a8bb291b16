import { invalidParameter } from '../base/errors.ts';
import { InstructionError, parseError } from './errors.ts';
import { parseHealthcheck } from './healthcheck.ts';
import { heredocOpener } from './heredocs.ts';
import { checkMount } from './mounts.ts';
import { suggestion } from './suggest.ts';
import type { Instruction } from './types.ts';

type Check = (instruction: Instruction) => void;

/** The kinds of instructions, each with the check of its form. */
const CHECKS: Record<string, Check> = {
  ADD: copies,
  ARG(instruction) {
    atLeastOne(instruction, instruction.args.length);
    if (instruction.args.some((arg) => arg.startsWith('=')))
      throw fail(instruction, 'ARG names can not be blank');
  },
  CMD: () => undefined,
  COPY: copies,
  ENTRYPOINT: () => undefined,
  ENV: named,
  EXPOSE: (instruction) => atLeastOne(instruction, instruction.args.length),
  FROM(instruction) {
    const { args } = instruction;
    if (args.length === 3 && args[1]!.toLowerCase() === 'as') {
      if (!/^[a-z][a-z0-9-_.]*$/.test(args[2]!.toLowerCase()))
        throw fail(
          instruction,
          `invalid name for build stage: ${JSON.stringify(args[2])}, name can't start with a number or contain symbols`,
        );
    } else if (args.length !== 1) throw fail(instruction, 'FROM requires either one or three arguments');
  },
  HEALTHCHECK: parseHealthcheck,
  LABEL: named,
  MAINTAINER: exactlyOne,
  ONBUILD(instruction) {
    atLeastOne(instruction, instruction.args.length);
    const trigger = instruction.trigger!.name;
    if (trigger === 'ONBUILD')
      throw fail(instruction, "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
    if (trigger === 'FROM' || trigger === 'MAINTAINER')
      throw fail(instruction, `${trigger} isn't allowed as an ONBUILD trigger`);
  },
  RUN: () => undefined,
  SHELL(instruction) {
    atLeastOne(instruction, instruction.args.length);
    if (!instruction.json) throw fail(instruction, `SHELL requires the arguments to be in JSON form`);
  },
  STOPSIGNAL: exactlyOne,
  USER: exactlyOne,
  VOLUME(instruction) {
    atLeastOne(instruction, instruction.args.length);
    if (instruction.args.some((arg) => arg.trim() === ''))
      throw fail(instruction, 'VOLUME specified can not be an empty string');
  },
  WORKDIR: exactlyOne,
};

type FlagKind = 'text' | 'list' | 'switch';

const FLAGS: Record<string, Record<string, FlagKind>> = {
  ADD: { chown: 'text', chmod: 'text', link: 'switch', 'keep-git-dir': 'switch', checksum: 'text' },
  COPY: { chown: 'text', from: 'text', chmod: 'text', link: 'switch' },
  FROM: { platform: 'text' },
  HEALTHCHECK: {
    interval: 'text',
    timeout: 'text',
    'start-period': 'text',
    'start-interval': 'text',
    retries: 'text',
  },
  RUN: { mount: 'list', network: 'text' },
};

/** Flags of later Dockerfile versions than the classic builder has. */
const BUILDKIT_FLAGS: Record<string, Record<string, FlagKind>> = {
  ADD: { exclude: 'list', unpack: 'switch' },
  COPY: { parents: 'switch', exclude: 'list' },
  RUN: { security: 'text' },
};

/** Kinds whose flags dockerd does not look at. */
const UNLOOKED = new Set(['ARG', 'STOPSIGNAL']);

/** Kinds whose form is looked at before their flags; of the others the flags come first. */
const FORM_FIRST = new Set([
  'ADD',
  'COPY',
  'EXPOSE',
  'FROM',
  'MAINTAINER',
  'ONBUILD',
  'USER',
  'VOLUME',
  'WORKDIR',
]);

/**
 * Checks what can be said of an instruction before anything runs: its kind, flags, number and form of arguments.
 * @throws invalid-parameter with dockerd's texts.
 */
export function checkInstruction(instruction: Instruction, { buildKit = false } = {}): void {
  const { name, written } = instruction;
  const check = CHECKS[name];
  if (!check)
    throw fail(
      instruction,
      `unknown instruction: ${written}${suggestion(written, Object.keys(CHECKS), false)}`,
    );
  if (FORM_FIRST.has(name) && !isCopy(name)) check(instruction);
  if (isCopy(name)) enoughPaths(instruction);
  checkFlags(instruction, buildKit);
  if (!FORM_FIRST.has(name) || isCopy(name)) check(instruction);
  if (name === 'RUN') checkRun(instruction);
}

function checkFlags(instruction: Instruction, buildKit: boolean): void {
  const { name, args, flags } = instruction;
  if (UNLOOKED.has(name) || (name === 'HEALTHCHECK' && args[0]?.toUpperCase() === 'NONE')) return;
  const known = { ...FLAGS[name], ...(buildKit ? BUILDKIT_FLAGS[name] : {}) };
  const seen = new Set<string>();
  for (const flag of flags) {
    const kind = Object.hasOwn(known, flag.name) ? known[flag.name] : undefined;
    if (kind === undefined)
      throw fail(instruction, `unknown flag: ${flag.name}${suggestion(flag.name, Object.keys(known), true)}`);
    if (seen.has(flag.name) && kind !== 'list')
      throw fail(instruction, `duplicate flag specified: ${flag.name}`);
    seen.add(flag.name);
    if (kind === 'switch' ? !flag.bare && flag.value === '' : flag.bare)
      throw fail(instruction, `missing a value on flag: ${flag.name}`);
    if (kind === 'switch' && !['', 'true', 'false'].includes(flag.value.toLowerCase()))
      throw fail(instruction, `expecting boolean value for flag ${flag.name}, not: ${flag.value}`);
  }
}

/** A RUN's network and mounts; what of a mount may have variables in it is looked at when its values are known. */
function checkRun(instruction: Instruction): void {
  for (const { name, value } of instruction.flags) {
    if (name === 'mount') within(instruction, () => checkMount(value));
    if (name === 'network' && !['default', 'none', 'host'].includes(value))
      throw fail(instruction, `invalid network mode ${JSON.stringify(value)}`);
    if (name === 'security' && !['insecure', 'sandbox'].includes(value))
      throw fail(instruction, `security ${JSON.stringify(value)} is not valid`);
  }
}

function within(instruction: Instruction, work: () => void): void {
  try {
    work();
  } catch (error) {
    throw new InstructionError(instruction.line, (error as Error).message, error);
  }
}

const isCopy = (name: string) => name === 'ADD' || name === 'COPY';

function enoughPaths(instruction: Instruction): void {
  if (instruction.args.length < 2)
    throw fail(
      instruction,
      `${instruction.name} requires at least two arguments, but only one was provided. Destination could not be determined`,
    );
}

function copies(instruction: Instruction): void {
  const { name, args } = instruction;
  if (heredocOpener(args.at(-1)!))
    throw fail(instruction, `${name} cannot accept a heredoc as a destination`);
}

function named(instruction: Instruction): void {
  atLeastOne(instruction, instruction.pairs.length);
  if (instruction.pairs.some(([name]) => name === ''))
    throw fail(instruction, `${instruction.name} names can not be blank`);
}

function atLeastOne(instruction: Instruction, count: number): void {
  if (count === 0) throw fail(instruction, `${instruction.name} requires at least one argument`);
}

function exactlyOne(instruction: Instruction): void {
  if (instruction.args.length !== 1)
    throw fail(instruction, `${instruction.name} requires exactly one argument`);
}

const fail = (instruction: Instruction, text: string) => parseError(instruction.line, text);

/** An ADD's `--checksum`: sha256 in full, and of something fetched. @throws invalid-parameter with BuildKit's texts. */
export function checkSum(sum: string, sources: string[]): void {
  if (!/^[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[a-zA-Z0-9=_-]+$/.test(sum))
    throw invalidParameter('invalid checksum digest format');
  if (!sum.startsWith('sha256:')) throw invalidParameter('unsupported digest algorithm');
  if (!/^sha256:[a-f0-9]{64}$/.test(sum)) throw invalidParameter('invalid checksum digest length');
  if (sources.length !== 1) throw invalidParameter("checksum can't be specified for multiple sources");
  if (!/^https?:\/\//.test(sources[0]!))
    throw invalidParameter("checksum can't be specified for non-HTTP sources");
}
