import type { Dockerfile, Instruction } from '../../../../dockerfile/types.ts';
import { type Findings, nameOf } from './findings.ts';

/** The checks that need the text alone, before any variable is known. */
export function checkForm(dockerfile: Dockerfile, findings: Findings): void {
  for (const line of dockerfile.emptyContinuations)
    findings.add('NoEmptyContinuation', { line, endLine: line }, 'Empty continuation line');
  const first = dockerfile.instructions.findIndex(({ name }) => name === 'FROM');
  const inStages = first < 0 ? [] : dockerfile.instructions.slice(first);
  for (const instruction of dockerfile.instructions) checkOne(instruction, findings);
  checkNames(inStages, findings);
  checkCasing(inStages, findings);
}

function checkOne(instruction: Instruction, findings: Findings): void {
  const { name, written, args, rest } = instruction;
  if (name === 'MAINTAINER')
    findings.add(
      'MaintainerDeprecated',
      instruction,
      'Maintainer instruction is deprecated in favor of using label',
    );
  if (name === 'FROM' && args.length === 3) {
    const [, as = '', stage = ''] = args;
    if (!isLower(stage))
      findings.add('StageNameCasing', instruction, `Stage name '${stage}' should be lowercase`);
    if ((isLower(written) && !isLower(as)) || (isUpper(written) && !isUpper(as)))
      findings.add('FromAsCasing', instruction, `'${as}' and '${written}' keywords' casing do not match`);
    describe(instruction, 'FROM', [stage], findings);
  }
  if (name === 'ARG') describe(instruction, 'ARG', args.map(nameOf), findings);
  if ((name === 'ENV' || name === 'LABEL') && !/^[^\s"']*=/.test(rest) && !/^(["']).*?\1[^\s]*=/.test(rest))
    findings.add(
      'LegacyKeyValueFormat',
      instruction,
      `"${written} key=value" should be used instead of legacy "${written} key value" format`,
    );
}

function describe(
  instruction: Instruction,
  kind: 'ARG' | 'FROM',
  defined: string[],
  findings: Findings,
): void {
  const comment = instruction.comments.at(-1);
  if (comment === undefined || defined.length === 0 || defined.includes(comment.split(' ', 1)[0]!)) return;
  const shown = defined.length > 1 ? '<arg_key>' : defined[0]!;
  findings.add(
    'InvalidDefinitionDescription',
    instruction,
    `Comment for ${kind} should follow the format: \`# ${shown} <description>\``,
  );
}

function checkNames(instructions: Instruction[], findings: Findings): void {
  const seen = new Set<string>();
  for (const instruction of instructions) {
    const stage = instruction.name === 'FROM' ? (instruction.args[2] ?? '').toLowerCase() : '';
    if (stage === '') continue;
    if (stage === 'context' || stage === 'scratch')
      findings.add(
        'ReservedStageName',
        instruction,
        `Stage name should not use the same name as reserved stage "${stage}"`,
      );
    if (seen.has(stage))
      findings.add(
        'DuplicateStageName',
        instruction,
        `Duplicate stage name "${stage}", stage names should be unique`,
      );
    seen.add(stage);
  }
}

function checkCasing(instructions: Instruction[], findings: Findings): void {
  const lower = instructions.filter(({ written }) => isLower(written)).length;
  const upper = instructions.filter(({ written }) => !isLower(written) && isUpper(written)).length;
  const wanted = lower > upper ? 'lowercase' : 'uppercase';
  for (const instruction of instructions) {
    const { written } = instruction;
    if (wanted === 'lowercase' ? isLower(written) : isUpper(written)) continue;
    findings.add(
      'ConsistentInstructionCasing',
      instruction,
      `Command '${written}' should match the case of the command majority (${wanted})`,
    );
  }
}

const isLower = (text: string) => text === text.toLowerCase();
const isUpper = (text: string) => text === text.toUpperCase();
