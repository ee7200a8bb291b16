import { posix } from 'node:path';
import { invalidParameter } from '../base/errors.ts';
import { parseSignal } from '../base/signals.ts';
import { setEnv, shellOf } from './environment.ts';
import { parseHealthcheck, printHealthcheck } from './healthcheck.ts';
import { exposedPorts } from './ports.ts';
import type { Dockerfile, ImageRunConfig, Instruction } from './types.ts';
import { expandWord, expandWords, type Lookup } from './words.ts';

/** The parts of a stage that metadata instructions change. */
export interface StageConfig {
  config: ImageRunConfig;
  author: string;
  /** A CMD stood in this Dockerfile: then an ENTRYPOINT does not reset it. */
  cmdSet: boolean;
  /** BuildKit's rules hold, where they differ from the classic builder's. */
  buildKit?: boolean;
}

const quotedList = (items: string[]) => `[${items.map((item) => JSON.stringify(item)).join(' ')}]`;

/** The names and values of an ENV or LABEL, variables expanded. */
export function nameValues(
  { pairs }: Instruction,
  lookup: Lookup,
  escaper: string,
): Array<[name: string, value: string]> {
  return pairs.map(([name, value]) => [
    expandWord(name, lookup, escaper),
    expandWord(value, lookup, escaper),
  ]);
}

/** Sets names in an object and sorts it: Go writes maps so, and the same labels in another order are the same image. */
function merged<T>(into: Record<string, T> | undefined, more: Iterable<[string, T]>): Record<string, T> {
  // One object is made of them: making large ones is what takes time, and a file may have thousands of LABEL.
  const before = into ?? {};
  const given = new Map(more);
  const names = Object.keys(before);
  for (const name of given.keys()) if (!Object.hasOwn(before, name)) names.push(name);
  return Object.fromEntries(
    names.sort().map((name) => [name, given.has(name) ? given.get(name)! : before[name]!]),
  );
}

/** The exec form as it stands, a shell form behind its shell. */
function commandOf({ json, rest }: Instruction, { config, buildKit }: StageConfig): string[] {
  // A missing command is an empty text for BuildKit's shell.
  return json ?? [...shellOf(config), ...(rest === '' && !buildKit ? [] : [rest])];
}

/** The directory that a WORKDIR leads to from the one before it. @throws invalid-parameter for nothing. */
export function workingDirectory(config: ImageRunConfig, path: string): string {
  if (path === '') throw invalidParameter('cannot normalize nothing');
  return posix.resolve('/', config.WorkingDir || '/', path);
}

/**
 * Applies an instruction that only changes the configuration. Returns the comment for the image's history, or null when
 * the instruction is none of those.
 * @throws invalid-parameter with dockerd's texts.
 */
export function applyMetadata(
  instruction: Instruction,
  stage: StageConfig,
  lookup: Lookup,
  { escape: escaper }: Pick<Dockerfile, 'escape'>,
): string | null {
  const { config } = stage;
  const { name, args } = instruction;
  const word = (text: string) => expandWord(text, lookup, escaper);
  switch (name) {
    case 'ENV': {
      const given = nameValues(instruction, lookup, escaper);
      config.Env = setEnv(config.Env, given);
      return `ENV ${given.map((pair) => pair.join('=')).join(' ')}`;
    }
    case 'LABEL': {
      const given = nameValues(instruction, lookup, escaper);
      config.Labels = merged(config.Labels, given);
      return `LABEL ${given.map((pair) => pair.join('=')).join(' ')}`;
    }
    case 'CMD': {
      config.Cmd = commandOf(instruction, stage);
      if (stage.buildKit || args.length > 0) stage.cmdSet = true;
      return `CMD ${quotedList(config.Cmd)}`;
    }
    case 'ENTRYPOINT': {
      const entrypoint = args.length > 0 || stage.buildKit ? commandOf(instruction, stage) : [];
      config.Entrypoint = entrypoint.length > 0 ? entrypoint : null;
      if (!stage.cmdSet) config.Cmd = null;
      return `ENTRYPOINT ${quotedList(entrypoint)}`;
    }
    case 'EXPOSE': {
      // In whatever order they are written: the same ports are the same step to the cache.
      const words = [...args].sort().flatMap((arg) => expandWords(arg, lookup, escaper));
      config.ExposedPorts = merged(
        config.ExposedPorts,
        words.flatMap(exposedPorts).map((port) => [port, {}] as [string, object]),
      );
      return `EXPOSE ${words.join(' ')}`;
    }
    case 'USER':
      config.User = word(args[0]!);
      return `USER ${config.User}`;
    case 'VOLUME': {
      const paths = args.map((arg) => word(arg.trim()));
      if (paths.some((path) => path === ''))
        throw invalidParameter('VOLUME specified can not be an empty string');
      config.Volumes = merged(
        config.Volumes,
        paths.map((path) => [path, {}]),
      );
      return `VOLUME [${paths.join(' ')}]`;
    }
    case 'STOPSIGNAL':
      config.StopSignal = word(args[0]!);
      parseSignal(config.StopSignal);
      return `STOPSIGNAL ${config.StopSignal}`;
    case 'SHELL':
      config.Shell = args;
      return `SHELL [${args.join(' ')}]`;
    case 'MAINTAINER':
      stage.author = args[0]!;
      return `MAINTAINER ${args[0]}`;
    case 'ONBUILD': {
      const trigger = onbuildTrigger(instruction);
      config.OnBuild = [...(config.OnBuild ?? []), trigger];
      return `ONBUILD ${trigger}`;
    }
    case 'HEALTHCHECK':
      config.Healthcheck = parseHealthcheck(instruction);
      return `HEALTHCHECK ${printHealthcheck(config.Healthcheck)}`;
    default:
      return null;
  }
}

/** The text of a trigger as an image keeps it, with its here-documents. */
function onbuildTrigger({ original, heredocs }: Instruction): string {
  const documents = heredocs.map(({ name, content }) => `\n${content}${name}`);
  return `${original.replace(/^\s*ONBUILD\s*/i, '')}${documents.join('')}`;
}
