import { invalidParameter } from '../base/errors.ts';
import { locate } from './location.ts';

/** The largest Dockerfile in characters: BuildKit has it in one message of gRPC, which is of 16 MB at most. */
const TEXT = 16 << 20;
/** The most lines of a Dockerfile, those of here-documents among them. */
const LINES = 200_000;
/** The longest line, as in BuildKit, which reads it by a scanner that has so long a buffer. */
const LINE = 65_535;
/** The longest instruction, its continuations joined; the kernel runs none with an argument of more than 128 KB. */
const INSTRUCTION = 256 << 10;
/** The most instructions: each is looked at many times, at once for all where stages and checks are concerned. */
const INSTRUCTIONS = 5000;

/** The largest .dockerignore in characters, comments among them. */
const IGNORE_TEXT = 1 << 20;
/** The most of its patterns, and their characters together: they are compiled at once, and each path of a context is held against all. */
const PATTERNS = 2000;
const PATTERN_TEXT = 128 << 10;

/** @throws invalid-parameter for the text of a .dockerignore that is too much. */
export function checkIgnoreSize(text: string): void {
  if (text.length > IGNORE_TEXT) throw invalidParameter('the .dockerignore is larger than 1 MB');
}

/** @throws invalid-parameter for patterns of a .dockerignore that are too many, or too long together. */
export function checkPatterns(count: number, length: number): void {
  if (count <= PATTERNS && length <= PATTERN_TEXT) return;
  throw invalidParameter(
    `the .dockerignore has more than ${PATTERNS} patterns, or more than ${PATTERN_TEXT >> 10} KB of them: exclude whole folders`,
  );
}

/** @throws invalid-parameter for a text that is too much to be parsed. */
export function checkSize(text: string): void {
  if (text.length > TEXT) throw invalidParameter('the Dockerfile is larger than 16 MB');
  let lines = 0;
  for (let at = 0; at < text.length; ) {
    const newline = text.indexOf('\n', at);
    const end = newline < 0 ? text.length : newline;
    lines += 1;
    if (end - at > LINE)
      throw locate(invalidParameter(`dockerfile line greater than max allowed size of ${LINE}`), {
        line: lines,
        endLine: lines,
      });
    if (lines > LINES)
      throw invalidParameter(
        `the Dockerfile has more than ${LINES} lines: copy long texts from files of the context`,
      );
    at = end + 1;
  }
}

/** @throws invalid-parameter for an instruction that is too long, or is one too many. */
export function checkInstructionSize(text: string, before: number): void {
  if (text.length > INSTRUCTION)
    throw invalidParameter(
      `the instruction is longer than ${INSTRUCTION >> 10} KB: copy long texts from files of the context`,
    );
  if (before >= INSTRUCTIONS)
    throw invalidParameter(`the Dockerfile has more than ${INSTRUCTIONS} instructions`);
}
