import { type Instruction, parseError } from '../../dockerfile/parse.ts';
import { expandWords } from '../../dockerfile/words.ts';

/** The names an ARG declares, with their defaults. @throws invalid-parameter for none and for blank ones. */
export function argNames(
  instruction: Instruction,
  lookup: (name: string) => string | undefined,
  escaper: string,
): Array<[string, string | undefined]> {
  const words = expandWords(instruction.rest, lookup, escaper);
  if (words.length === 0) throw parseError(instruction.line, 'ARG requires at least one argument');
  return words.map((word) => {
    const equals = word.indexOf('=');
    if (equals === 0) throw parseError(instruction.line, 'ARG names can not be blank');
    return equals < 0 ? [word, undefined] : [word.slice(0, equals), word.slice(equals + 1)];
  });
}

/** A RUN's shell text with its here-documents; a lone here-document is the script itself. */
export function heredocScript(instruction: Instruction): [script: string, alone: string | undefined] {
  if (instruction.heredocs.length === 0) return [instruction.rest, undefined];
  const text = `${instruction.rest}\n${instruction.heredocs.map(({ content, name }) => `${content}${name}`).join('\n')}`;
  const lone = instruction.heredocs.length === 1 && /^<<-?["']?[A-Za-z0-9_.]+["']?$/.test(instruction.rest);
  return [text, lone ? instruction.heredocs[0]!.content : undefined];
}

/** What is said of a flag that only BuildKit knows. */
export const needsBuildKit = (flag: string) =>
  `the --${flag} option requires BuildKit. Refer to https://docs.docker.com/go/buildkit/ to learn how to build images with BuildKit enabled`;
