import { invalidParameter } from '../base/errors.ts';
import { Slices } from '../patterns/slices.ts';
import { readHeredocs } from './heredocs.ts';
import { readInstruction } from './instruction.ts';
import { checkInstructionSize, checkSize } from './limits.ts';
import { withoutReturns } from './lines.ts';
import { locate } from './location.ts';
import type { Dockerfile, Instruction } from './types.ts';

/**
 * Parses a Dockerfile (https://docs.docker.com/reference/dockerfile/): directives, comments, continuation lines, flags,
 * JSON forms and here-documents (the classic builder of dockerd takes them too). Whether the instructions are right in
 * themselves is looked at later (`checkInstruction`).
 * @throws invalid-parameter with dockerd's text, located.
 */
export function parseDockerfile(text: string): Dockerfile {
  const steps = parsing(text);
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

/** The same for a text that may be long: other requests have their turn meanwhile. */
export async function parseInSlices(text: string): Promise<Dockerfile> {
  const steps = parsing(text);
  const slices = new Slices();
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
    if (slices.due()) await slices.next();
  }
}

/** Parses piece by piece; each piece is bounded, and what is made of a Dockerfile later is by its instructions. */
function* parsing(text: string): Generator<void, Dockerfile> {
  checkSize(text);
  const raw = text.replace(/^\ufeff/, '').split('\n');
  if (raw.at(-1) === '') raw.pop();
  yield;
  const lines = raw.map(withoutReturns);
  yield;
  const { directives, escape: escaper } = readDirectives(lines);
  const directiveLines = Object.keys(directives).length + (lines[0]?.startsWith('#!') ? 1 : 0);
  const token = escaper === '\\' ? '\\\\' : '`';
  const continuation = new RegExp(`(^|[^${token}])${token}[ \\t]*$`);
  const instructions: Instruction[] = [];
  const warnings: string[] = [];
  const emptyContinuations: number[] = [];
  let comments: string[] = [];

  for (let index = 0; index < lines.length; index++) {
    if (index % 64 === 0) yield;
    const start = index;
    let current = lines[index]!.trimStart();
    if (current.startsWith('#')) {
      const comment = current.slice(1).trim();
      // A directive describes nothing, and an empty comment parts what stands before it from what follows.
      const parts = comment === '' || index < directiveLines;
      if (parts) comments = [];
      else comments.push(comment);
      continue;
    }
    let joined = '';
    let gap = false;
    let more = continuation.test(current);
    joined = more ? current.replace(continuation, '$1') : current;
    if (!more && joined === '') {
      comments = [];
      continue;
    }
    while (more && index + 1 < lines.length) {
      current = lines[++index]!;
      if (index % 64 === 0) yield;
      if (current.trimStart().startsWith('#')) continue;
      if (current.trim() === '') {
        gap = true;
        continue;
      }
      more = continuation.test(current);
      joined += more ? current.replace(continuation, '$1') : current;
    }
    if (gap) {
      warnings.push(`Empty continuation line found in: ${joined}`);
      emptyContinuations.push(index + 1);
    }
    try {
      checkInstructionSize(joined, instructions.length);
      const instruction = readInstruction(joined, escaper, start + 1);
      index = readHeredocs(instruction, joined, raw, index);
      instruction.endLine = index + 1;
      instruction.comments = comments;
      comments = [];
      instructions.push(instruction);
      yield;
    } catch (error) {
      throw locate(error, { line: start + 1, endLine: index + 1 });
    }
  }
  if (instructions.length === 0)
    throw locate(invalidParameter('file with no instructions'), {
      line: Math.max(1, lines.length),
      endLine: Math.max(1, lines.length),
    });
  return { escape: escaper, directives, instructions, warnings, emptyContinuations };
}

function readDirectives(lines: string[]): {
  directives: Record<string, string>;
  escape: '\\' | '`';
} {
  const directives: Record<string, string> = {};
  for (const [index, line] of lines.entries()) {
    if (index === 0 && line.startsWith('#!')) continue;
    const match = /^#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(\S.*)$/.exec(line.trimEnd());
    if (!match) break;
    const name = match[1]!.toLowerCase();
    if (!['syntax', 'escape', 'check'].includes(name)) break;
    // dockerd names the line before: of the first one none is shown.
    const at = index === 0 ? null : { line: index, endLine: index };
    if (Object.hasOwn(directives, name))
      throw locate(invalidParameter(`only one ${name} parser directive can be used`), at);
    directives[name] = match[2]!;
    if (name === 'escape' && match[2] !== '\\' && match[2] !== '`')
      throw locate(invalidParameter(`invalid escape token '${match[2]}' does not match \` or \\`), at);
  }
  return { directives, escape: directives['escape'] === '`' ? '`' : '\\' };
}
