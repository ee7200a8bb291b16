import { BerthError } from '../base/errors.ts';

/** A mistake in one instruction; dockerd names the line where a whole Dockerfile is parsed, not for a single change. */
export class InstructionError extends BerthError {
  /** The text without the line. */
  readonly said: string;

  constructor(line: number, said: string, cause?: unknown) {
    super('invalid-parameter', `dockerfile parse error on line ${line}: ${said}`, { cause });
    this.said = said;
  }
}

/** A mistake in an instruction, with dockerd's text. */
export const parseError = (line: number, said: string) => new InstructionError(line, said);
