import { ignoreFilter } from '../../../dockerfile/ignore.ts';
import { suggestion } from '../../../dockerfile/suggest.ts';
import type { Dockerfile, Instruction } from '../../../dockerfile/types.ts';
import { expandDocument, expandWord, expandWords, type Lookup } from '../../../dockerfile/words.ts';
import { fullReference, parsePlatform } from '../../../images/index.ts';
import type { Stage } from '../../stages.ts';
import { type Findings, nameOf } from './lint.ts';

/** A base image's settings that checks look at. */
export interface BaseSettings {
  env: string[];
  /** `os/architecture`. */
  platform: string;
}

export interface StageContext {
  dockerfile: Dockerfile;
  findings: Findings;
  /** Arguments that are known in FROM: predefined, declared before the first stage, by name. */
  global: ReadonlyMap<string, string | undefined>;
  /** The same as the Dockerfile has them, without what the client gave. */
  defaults: ReadonlyMap<string, string | undefined>;
  given: Record<string, string>;
  targetPlatform: string;
  /** The settings of a stage's base image; undefined for a stage on another, or on nothing. */
  base: (stage: Stage) => Promise<BaseSettings | undefined>;
  parent: (stage: Stage) => Stage | undefined;
  /** The text of the .dockerignore; undefined where nobody asked for that check. */
  ignore: string | undefined;
}

/** What a stage leaves for one that stands on it. */
interface Left {
  names: Map<string, string>;
  declared: Set<string>;
  hasWorkdir: boolean;
}

/** Expands a word by `values`; tells the variables that are there and those that are not. */
function matched(word: string, values: ReadonlyMap<string, string | undefined>, escaper: string) {
  const known = new Set<string>();
  const unknown = new Set<string>();
  const result = expandWord(
    word,
    (name) => {
      const value = values.get(name);
      (value === undefined ? unknown : known).add(name);
      return value;
    },
    escaper,
  );
  return { result, known, unknown };
}

/** The checks of FROM. */
export function checkFrom(context: StageContext, stage: Stage): void {
  const { findings, global, dockerfile } = context;
  const { from } = stage;
  const [written = ''] = from.args;
  const undeclared = (names: Set<string>) => {
    for (const name of names)
      if (!global.has(name))
        findings.add(
          'UndefinedArgInFrom',
          from,
          `FROM argument '${name}' is not declared${suggestion(name, [...global.keys()], true)}`,
        );
  };
  undeclared(matched(written, global, dockerfile.escape).unknown);
  const byDefault = matched(written, context.defaults, dockerfile.escape).result;
  if (!isReference(byDefault))
    findings.add(
      'InvalidDefaultArgInFrom',
      from,
      `Default value for ARG ${written} results in empty or invalid base image name`,
    );
  const flag = from.flags.find(({ name }) => name === 'platform')?.value ?? '';
  if (flag === '') return;
  const platform = matched(flag, global, dockerfile.escape);
  undeclared(platform.unknown);
  if (
    platform.unknown.size === 0 &&
    platform.known.size === 1 &&
    platform.known.has('TARGETPLATFORM') &&
    platform.result === global.get('TARGETPLATFORM')
  )
    findings.add(
      'RedundantTargetPlatform',
      from,
      `Setting platform to predefined ${flag} in FROM is redundant as this is the default behavior`,
    );
  if (platform.known.size > 0 || platform.unknown.size > 0) return;
  const { os, architecture } = parsePlatform(platform.result);
  if (!stage.name.includes(os) && !stage.name.includes(architecture))
    findings.add(
      'FromPlatformFlagConstDisallowed',
      from,
      `FROM --platform flag should not use constant value "${platform.result}"`,
    );
}

function isReference(text: string): boolean {
  if (text === '') return false;
  try {
    fullReference(text);
    return true;
  } catch {
    return false;
  }
}

/** Goes through the stages in their order, each after the one that it stands on. */
export async function checkStages(context: StageContext, stages: readonly Stage[]): Promise<void> {
  const left = new Map<Stage, Left>();
  for (const stage of stages) {
    const parent = context.parent(stage);
    const below = parent && left.get(parent);
    const base = parent ? undefined : await context.base(stage);
    const wanted = stage.platform || context.targetPlatform;
    if (base && !base.platform.startsWith(wanted.split('/').slice(0, 2).join('/')))
      context.findings.add(
        'InvalidBaseImagePlatform',
        stage.from,
        `Base image ${stage.base} was pulled with platform "${base.platform}", expected "${wanted}" for current build`,
      );
    const names = new Map(below?.names);
    for (const entry of base?.env ?? []) names.set(nameOf(entry), entry.slice(nameOf(entry).length + 1));
    if (!names.has('PATH')) names.set('PATH', '');
    const own: Left = {
      names,
      declared: new Set(below?.declared),
      hasWorkdir: below?.hasWorkdir ?? false,
    };
    left.set(stage, own);
    checkStage(context, stage, own);
  }
}

function checkStage(context: StageContext, stage: Stage, state: Left): void {
  const { findings } = context;
  const last = new Map<string, Instruction>();
  let shell = false;
  for (const instruction of stage.instructions) {
    const { name, written, json, args } = instruction;
    if (name === 'SHELL') shell = true;
    if (name === 'CMD' || name === 'ENTRYPOINT' || name === 'HEALTHCHECK') {
      const before = last.get(name);
      if (before)
        findings.add(
          'MultipleInstructionsDisallowed',
          before,
          `Multiple ${written} instructions should not be used in the same stage because only the last one will be used`,
        );
      last.set(name, instruction);
      if (name !== 'HEALTHCHECK' && !json && !shell && args.length > 0)
        findings.add(
          'JSONArgsRecommended',
          instruction,
          `JSON arguments recommended for ${written} to prevent unintended behavior related to OS signals`,
        );
    }
    checkVariables(context, instruction, state);
    apply(context, instruction, state);
  }
}

/** Words of an instruction in which variables are put. */
function expanded({ name, args, pairs, flags, json }: Instruction): string[] {
  const ofFlags = flags
    .filter((flag) => flag.name === 'chown' || flag.name === 'chmod' || flag.name === 'mount')
    .map(({ value }) => value);
  switch (name) {
    case 'ENV':
    case 'LABEL':
      return pairs.flat();
    case 'ADD':
    case 'COPY':
    case 'ARG':
    case 'EXPOSE':
      return [...args, ...ofFlags];
    case 'USER':
    case 'WORKDIR':
    case 'STOPSIGNAL':
      return args;
    case 'VOLUME':
      return json ?? args;
    case 'RUN':
      return ofFlags;
    default:
      return [];
  }
}

function checkVariables({ dockerfile, findings }: StageContext, instruction: Instruction, state: Left): void {
  const unknown = new Set<string>();
  const lookup: Lookup = (name) => {
    if (state.names.has(name)) return state.names.get(name);
    if (!state.declared.has(name) && !SCANNER.has(name)) unknown.add(name);
    return undefined;
  };
  for (const word of expanded(instruction)) expandWord(word, lookup, dockerfile.escape);
  if (instruction.name === 'COPY' || instruction.name === 'ADD')
    for (const { expand, content } of instruction.heredocs)
      if (expand) expandDocument(content, lookup, dockerfile.escape);
  for (const name of unknown) {
    const meant = suggestion(name, [...state.names.keys()], true).replace('mean ', 'mean $');
    findings.add('UndefinedVar', instruction, `Usage of undefined variable '$${name}'${meant}`);
  }
}

/** Arguments by which a scanner's run is asked for: they are never in the environment. */
const SCANNER = new Set(['BUILDKIT_SBOM_SCAN_CONTEXT', 'BUILDKIT_SBOM_SCAN_STAGE']);

const SECRET = /(?:_|^)(?:apikey|auth|credentials?|key|password|pword|passwd|secret|token)(?:_|$)/i;
const PUBLIC = /(?:_|^)public(?:_|$)/i;

function apply(context: StageContext, instruction: Instruction, state: Left): void {
  const { findings, dockerfile, given, global } = context;
  const lookup: Lookup = (name) => state.names.get(name);
  const expand = (word: string) => expandWord(word, lookup, dockerfile.escape);
  const secret = (kind: string, name: string) => {
    if (SECRET.test(name) && !PUBLIC.test(name))
      findings.add(
        'SecretsUsedInArgOrEnv',
        instruction,
        `Do not use ARG or ENV instructions for sensitive data (${kind} "${name}")`,
      );
  };
  switch (instruction.name) {
    case 'ENV':
      for (const [name, value] of instruction.pairs.map(
        ([key, text]) => [expand(key), expand(text)] as const,
      )) {
        secret('ENV', name);
        state.names.set(name, value);
      }
      return;
    case 'ARG':
      for (const argument of instruction.args) {
        const name = expand(nameOf(argument));
        secret('ARG', name);
        const byDefault = argument.includes('=')
          ? expand(argument.slice(argument.indexOf('=') + 1))
          : undefined;
        const value = given[name] ?? byDefault ?? global.get(name);
        state.declared.add(name);
        if (value !== undefined && !state.names.has(name)) state.names.set(name, value);
      }
      return;
    case 'WORKDIR': {
      const [path = ''] = instruction.args;
      if (!state.hasWorkdir && !expand(path).startsWith('/'))
        findings.add(
          'WorkdirRelativePath',
          instruction,
          `Relative workdir ${JSON.stringify(expand(path))} can have unexpected results if the base image changes`,
        );
      state.hasWorkdir = true;
      return;
    }
    case 'EXPOSE':
      for (const port of instruction.args.flatMap((word) => expandWords(word, lookup, dockerfile.escape)))
        checkPort(port, instruction, findings);
      return;
    case 'COPY':
    case 'ADD':
      if (context.ignore !== undefined) checkIgnored(context.ignore, instruction, expand, findings);
      return;
    default:
  }
}

function checkPort(port: string, instruction: Instruction, findings: Findings): void {
  const [range = '', protocol = ''] = port.split('/');
  if (protocol !== protocol.toLowerCase())
    findings.add(
      'ExposeProtoCasing',
      instruction,
      `Defined protocol '${port}' in EXPOSE instruction should be lowercase`,
    );
  if (range.includes(':'))
    findings.add(
      'ExposeInvalidFormat',
      instruction,
      `EXPOSE instruction should not define an IP address or host-port mapping, found '${port}'`,
    );
}

function checkIgnored(
  text: string,
  instruction: Instruction,
  expand: (word: string) => string,
  findings: Findings,
): void {
  if (instruction.flags.some(({ name }) => name === 'from')) return;
  const ignored = ignoreFilter(text);
  for (const word of instruction.args.slice(0, -1)) {
    const source = expand(word).replace(/^(\.?\/)+/, '');
    if (source === '' || source === '.' || /^(\w+:\/\/|git@|<<)|[*?[]/.test(source) || !ignored(source))
      continue;
    findings.add(
      'CopyIgnoredFile',
      instruction,
      `Attempting to ${instruction.name === 'ADD' ? 'Add' : 'Copy'} file "${source}" that is excluded by .dockerignore`,
    );
  }
}
