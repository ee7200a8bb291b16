import { invalidParameter } from '../base/errors.ts';
import { Slices } from '../patterns/slices.ts';
import { checkInstruction } from './check.ts';
import { variablesOf } from './environment.ts';
import { InstructionError } from './errors.ts';
import { applyMetadata, workingDirectory } from './metadata.ts';
import { parseInSlices } from './parse.ts';
import type { ImageRunConfig } from './types.ts';
import { expandWord } from './words.ts';

/** Instructions that a change may be (dockerd: `validCommitCommands`). */
const CHANGES = new Set(
  'CMD ENTRYPOINT ENV EXPOSE HEALTHCHECK LABEL ONBUILD STOPSIGNAL USER VOLUME WORKDIR'.split(' '),
);

/**
 * Applies Dockerfile instructions to a configuration (`--change` of commit and import); the given object stays as it is.
 * @throws invalid-parameter with the texts of dockerd's parser.
 */
export async function applyChanges(
  config: ImageRunConfig,
  changes: readonly string[],
): Promise<ImageRunConfig> {
  if (changes.length === 0) return structuredClone(config);
  const stage = { config: structuredClone(config), author: '', cmdSet: false };
  const dockerfile = await parseInSlices(changes.join('\n'));
  const { instructions } = dockerfile;
  for (const { name, written } of instructions)
    if (!CHANGES.has(name)) throw invalidParameter(`${written} is not a valid change command`);
  const lookup = variablesOf(stage.config);
  const slices = new Slices();
  try {
    for (const instruction of instructions) checkInstruction(instruction);
    for (const instruction of instructions) {
      if (slices.due()) await slices.next();
      if (instruction.name === 'WORKDIR')
        stage.config.WorkingDir = workingDirectory(
          stage.config,
          expandWord(instruction.args[0]!, lookup, dockerfile.escape),
        );
      else applyMetadata(instruction, stage, lookup, dockerfile);
    }
  } catch (error) {
    // A change has no line of a file to be named by.
    throw error instanceof InstructionError ? invalidParameter(error.said, error) : error;
  }
  return stage.config;
}
