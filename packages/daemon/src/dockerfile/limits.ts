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
