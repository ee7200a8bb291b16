import { heredocOpener, heredocText, type Instruction } from '../../dockerfile/parse.ts';

/** A RUN's shell text with its here-documents; a lone here-document is the script itself. */
export function heredocScript(instruction: Instruction): [script: string, alone: string | undefined] {
  const { heredocs, rest } = instruction;
  if (heredocs.length === 0) return [rest, undefined];
  const text = `${rest}\n${heredocs.map(({ content, name }) => `${content}${name}`).join('\n')}`;
  return [text, heredocOpener(rest) ? heredocText(heredocs[0]!) : undefined];
}

/** The error text for a flag that only BuildKit knows. */
export const needsBuildKit = (flag: string) =>
  `the --${flag} option requires BuildKit. Refer to https://docs.docker.com/go/buildkit/ to learn how to build images with BuildKit enabled`;
