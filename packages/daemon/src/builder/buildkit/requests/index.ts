import { BerthError } from '../../../base/errors.ts';
import { BuildArguments, declarations } from '../../../dockerfile/arguments.ts';
import { locationOf as errorLocation } from '../../../dockerfile/location.ts';
import { parseInSlices } from '../../../dockerfile/parse.ts';
import type { Dockerfile } from '../../../dockerfile/types.ts';
import { planStages, type Stage } from '../../stages.ts';
import { type Answer, describeAnswer, lintAnswer, outlineAnswer, targetsAnswer } from './answer.ts';
import { listTargets, outlineOf } from './describe.ts';
import { Findings, locationOf } from './lint/findings.ts';
import { checkForm } from './lint/form.ts';
import { checkFrom } from './lint/from.ts';
import { checkStages } from './lint/stages.ts';
import type { BaseSettings } from './lint/types.ts';
import { parseCheckOptions } from './options.ts';

/** A Dockerfile that something is asked of, without its being built. */
export interface Asked {
  text: string;
  filename: string;
  target: string;
  /** Build arguments that the client gave. */
  given: Record<string, string>;
  /** Arguments that are known without being declared: those of platforms. */
  predefined: Record<string, string>;
  targetPlatform: string;
  base: (stage: Stage) => Promise<BaseSettings | undefined>;
  parent: (stage: Stage, stages: readonly Stage[]) => Stage | undefined;
  ignoreText: () => Promise<string>;
}

/**
 * Answers a request beside a build: its checks, the targets of the Dockerfile or one target's parameters.
 * @throws unsupported for another request; invalid-parameter for a Dockerfile that is none, but where it is checked.
 */
export async function answerRequest(name: string, asked: Asked): Promise<Answer> {
  switch (name) {
    case 'frontend.lint':
      return lint(asked);
    case 'frontend.targets': {
      const dockerfile = await parseInSlices(asked.text);
      return targetsAnswer(listTargets(dockerfile, asked.text));
    }
    case 'frontend.outline':
      return outline(asked);
    case 'frontend.subrequests.describe':
      return describeAnswer();
    default:
      throw new BerthError('unsupported', `unsupported request ${name}`);
  }
}

/** The failure of a build that takes findings in its Dockerfile for errors; undefined where there are none. */
export async function checkBuild(asked: Asked, dockerfile: Dockerfile): Promise<string | undefined> {
  const options = optionsOf(asked, dockerfile);
  if (!options.error) return undefined;
  const findings = new Findings(options);
  await check(asked, dockerfile, findings);
  return findings.failure;
}

const optionsOf = ({ given }: Asked, { directives }: Dockerfile) =>
  parseCheckOptions(given['BUILDKIT_DOCKERFILE_CHECK'] ?? directives['check'] ?? '');

async function lint(asked: Asked): Promise<Answer> {
  const { text, filename } = asked;
  let findings: Findings | undefined;
  let failed: unknown;
  try {
    const dockerfile = await parseInSlices(text);
    findings = new Findings(optionsOf(asked, dockerfile));
    await check(asked, dockerfile, findings);
    if (findings.failure) failed = new BerthError('invalid-parameter', findings.failure);
  } catch (error) {
    failed = error;
  }
  const at = errorLocation(failed);
  return lintAnswer(
    {
      warnings: findings?.warnings ?? [],
      sources: [{ filename, language: 'Dockerfile', data: Buffer.from(text).toString('base64') }],
      ...(failed !== undefined && {
        buildError: {
          message: failed instanceof Error ? failed.message : String(failed),
          location: at ? locationOf(at) : { ranges: [] },
        },
      }),
    },
    text,
  );
}

function argumentsBefore(
  dockerfile: Dockerfile,
  predefined: Record<string, string>,
  given: Record<string, string>,
): ReadonlyMap<string, string | undefined> {
  const meta = new BuildArguments(given);
  for (const [name, value] of Object.entries(predefined)) meta.declare(name, value);
  const first = dockerfile.instructions.findIndex(({ name }) => name === 'FROM');
  for (const instruction of dockerfile.instructions.slice(0, Math.max(first, 0)))
    if (instruction.name === 'ARG')
      for (const [name, value] of declarations(instruction, (key) => meta.get(key), dockerfile.escape))
        meta.declare(name, value);
  return meta.asMeta();
}

function plan({ predefined, given, target }: Asked, dockerfile: Dockerfile) {
  const meta = new BuildArguments({ ...predefined, ...given });
  for (const name of Object.keys(predefined)) meta.declare(name, undefined);
  return planStages(dockerfile, target, meta, { buildKit: true }).stages;
}

/** The stages that a target needs, in the Dockerfile's order. */
function neededBy(asked: Asked, stages: readonly Stage[]): Set<Stage> {
  const needed = new Set<Stage>();
  const find = (name: string, before: Stage) => {
    const earlier = stages.slice(0, stages.indexOf(before));
    return (
      earlier.findLast((stage) => stage.name !== '' && stage.name === name.toLowerCase()) ??
      earlier[Number(name)]
    );
  };
  const visit = (stage: Stage | undefined) => {
    if (!stage || needed.has(stage)) return;
    needed.add(stage);
    visit(asked.parent(stage, stages));
    for (const { flags } of stage.instructions)
      for (const { name, value } of flags) {
        const from = name === 'from' ? value : /(?:^|,)from=([^,]+)/.exec(name === 'mount' ? value : '')?.[1];
        if (from !== undefined) visit(find(from, stage));
      }
  };
  visit(stages.at(-1));
  return new Set(stages.filter((stage) => needed.has(stage)));
}

async function check(asked: Asked, dockerfile: Dockerfile, findings: Findings): Promise<void> {
  checkForm(dockerfile, findings);
  const stages = plan(asked, dockerfile);
  const context = {
    dockerfile,
    findings,
    global: argumentsBefore(dockerfile, asked.predefined, asked.given),
    defaults: argumentsBefore(dockerfile, asked.predefined, {}),
    given: asked.given,
    targetPlatform: asked.targetPlatform,
    base: asked.base,
    parent: (stage: Stage) => asked.parent(stage, stages),
    ignore: optionsOf(asked, dockerfile).wants('CopyIgnoredFile') ? await asked.ignoreText() : undefined,
  };
  for (const stage of stages) checkFrom(context, stage);
  // Without a target all stages are looked at.
  await checkStages(context, asked.target === '' ? stages : [...neededBy(asked, stages)]);
}

async function outline(asked: Asked): Promise<Answer> {
  const dockerfile = await parseInSlices(asked.text);
  const stages = plan(asked, dockerfile);
  return outlineAnswer(
    outlineOf(dockerfile, asked.text, {
      target: stages.at(-1)!,
      needed: neededBy(asked, stages),
      global: argumentsBefore(dockerfile, asked.predefined, asked.given),
      given: asked.given,
    }),
  );
}
