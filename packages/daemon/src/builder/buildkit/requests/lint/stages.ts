import type { Instruction } from '../../../../dockerfile/types.ts';
import type { Stage } from '../../../stages.ts';
import { nameOf } from './findings.ts';
import type { StageContext, StageState } from './types.ts';
import { checkValues } from './values.ts';
import { checkVariables } from './variables.ts';

/** Goes through the stages in their order, each after the one that it stands on. */
export async function checkStages(context: StageContext, stages: readonly Stage[]): Promise<void> {
  const states = new Map<Stage, StageState>();
  for (const stage of stages) {
    const parent = context.parent(stage);
    const below = parent && states.get(parent);
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
    const own: StageState = {
      names,
      declared: new Set(below?.declared),
      hasWorkdir: below?.hasWorkdir ?? false,
    };
    states.set(stage, own);
    checkStage(context, stage, own);
  }
}

function checkStage(context: StageContext, stage: Stage, state: StageState): void {
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
    checkValues(context, instruction, state);
  }
}
