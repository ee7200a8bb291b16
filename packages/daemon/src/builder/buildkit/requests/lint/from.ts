import { suggestion } from '../../../../dockerfile/suggest.ts';
import { expandWord } from '../../../../dockerfile/words.ts';
import { fullReference, parsePlatform } from '../../../../images/index.ts';
import type { Stage } from '../../../stages.ts';
import type { StageContext } from './types.ts';

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
