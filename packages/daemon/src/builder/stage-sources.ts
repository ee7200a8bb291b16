import { invalidParameter } from '../base/errors.ts';
import { locate } from '../dockerfile/location.ts';
import { parseMount } from '../dockerfile/mounts.ts';
import type { Instruction } from '../dockerfile/types.ts';

/** A stage, as far as its sources go: `name` in lower case, '' without AS; `base` with variables expanded. */
interface Stage {
  name: string;
  base: string;
  instructions: Instruction[];
}

/** Another stage that an instruction takes files from. */
interface Use {
  source: number;
  /** As it is written. */
  from: string;
  instruction: Instruction;
  /** The place of a mount; undefined for a COPY. */
  target?: string;
}

/**
 * Whether what each `--from` of a COPY and `from=` of a mount names can be there when its turn comes.
 * @throws invalid-parameter with BuildKit's texts
 */
export function checkSources(stages: readonly Stage[]): void {
  const uses = stages.map((stage) => usesOf(stage, stages));
  const parents = stages.map(({ base }, at) =>
    stages.findLastIndex(({ name }, index) => index < at && name !== '' && name === base.toLowerCase()),
  );
  const own = (at: number) => stages[at]!.name || `stage-${at}`;
  checkCircles(uses, parents, own);
  for (const [at, list] of uses.entries())
    for (const { source, from, instruction, target } of list) {
      if (source < at || stages.slice(0, at).some(({ name }) => name === from.toLowerCase())) continue;
      throw locate(
        invalidParameter(
          target === undefined
            ? `cannot copy from stage ${JSON.stringify(from)}, it needs to be defined before current stage ${JSON.stringify(own(at))}`
            : `cannot mount from stage ${JSON.stringify(from)} to ${JSON.stringify(target)}, stage needs to be defined before current command`,
        ),
        instruction,
      );
    }
}

function usesOf(stage: Stage, stages: readonly Stage[]): Use[] {
  const uses: Use[] = [];
  for (const instruction of stage.instructions)
    for (const { name, value } of instruction.flags) {
      const isCopy = instruction.name === 'COPY' && name === 'from' && value !== '';
      const mounted = instruction.name === 'RUN' && name === 'mount' ? mountSource(value) : undefined;
      const from = isCopy ? value : mounted?.from;
      if (from === undefined) continue;
      const number = /^\d+$/.test(from) ? Number(from) : -1;
      if (isCopy && number >= stages.length)
        throw locate(invalidParameter(`invalid stage index ${from}`), null);
      const named = stages.findLastIndex((other) => other.name !== '' && other.name === from.toLowerCase());
      const source = named >= 0 ? named : isCopy ? number : -1;
      if (source >= 0) uses.push({ source, from, instruction, ...(mounted && { target: mounted.target }) });
    }
  return uses;
}

function mountSource(value: string): { from: string; target: string } | undefined {
  if (!value.includes('from=') || value.includes('$')) return undefined;
  const { from, target } = parseMount(value, '/');
  return from === '' ? undefined : { from, target };
}

/** @throws invalid-parameter for a stage that needs itself, at once or by others */
function checkCircles(uses: Use[][], parents: number[], own: (at: number) => string): void {
  const visited = new Set<number>();
  const path = new Set<number>();
  const visit = (at: number): boolean => {
    if (visited.has(at)) return false;
    visited.add(at);
    path.add(at);
    const parent = parents[at]!;
    for (const { source, instruction } of [
      ...uses[at]!,
      ...(parent >= 0 ? [{ source: parent, instruction: null }] : []),
    ])
      if (path.has(source) || visit(source)) {
        if (instruction) places.push(instruction);
        return true;
      }
    path.delete(at);
    return false;
  };
  const places: Instruction[] = [];
  for (const at of uses.keys())
    if (visit(at))
      throw locate(invalidParameter(`circular dependency detected on stage: ${own(at)}`), places[0] ?? null);
}
