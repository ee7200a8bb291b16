import { invalidParameter } from '../../base/errors.ts';
import { shellOf } from '../../dockerfile/environment.ts';
import { parseMount } from '../../dockerfile/mounts.ts';
import type { Instruction } from '../../dockerfile/types.ts';
import { expandWord } from '../../dockerfile/words.ts';
import { Gathered } from '../gathered.ts';
import { sha256 } from '../steps.ts';
import { short } from './output.ts';
import type { State } from './state.ts';
import { needsBuildKit } from './text.ts';
import type { ClassicWork } from './work.ts';

/** RUN: the command in a container of the state's image; what it leaves is the next layer. */
export async function runStep(work: ClassicWork, instruction: Instruction, state: State): Promise<void> {
  const { config } = state;
  const expand = (text: string) => expandWord(text, work.lookup(state), work.dockerfile.escape);
  for (const flag of instruction.flags) if (flag.name === 'mount') parseMount(flag.value, '/nowhere', expand);
  for (const flag of instruction.flags) throw invalidParameter(needsBuildKit(flag.name));
  // A here-document is not read: the shell gets the first line alone, as with dockerd.
  const text = instruction.rest;
  const command = instruction.json ?? [...shellOf(config), ...(text === '' ? [] : [text])];
  const names = new Set((config.Env ?? []).map((entry) => entry.split('=')[0]!));
  const args = state.args.forRun(names);
  const inKey = args.filter(([, , shown]) => shown).map(([name, value]) => `${name}=${value}`);
  const createdBy = (inKey.length > 0 ? [`|${inKey.length}`, ...inKey, ...command] : command).join(' ');
  // The text of a step is one line: words with blanks in them look like several there.
  const key = JSON.stringify([inKey, command]);
  await work.images.cached(state, createdBy, key, async () => {
    // Nothing can be run in an empty root.
    if (state.image === '')
      work.output.write(` ---> Running in ${sha256(`${Math.random()}`).slice(0, 12)}\n`);
    if (state.image === '')
      throw invalidParameter(`exec: "${command[0]}": stat ${command[0]}: no such file or directory`);
    const output = new Gathered((text, stream) =>
      stream === 'stderr' ? work.output.warn(text) : work.output.write(text),
    );
    const running = work.steps.run({
      image: state.image,
      config,
      command,
      shown: command,
      env: [...(config.Env ?? []), ...args.map(([name, value]) => `${name}=${value}`)],
      hostConfig: {
        ...work.options.hostConfig,
        NetworkMode: work.options.networkMode || 'default',
        ExtraHosts: work.options.extraHosts,
      },
      keepOnSuccess: !work.options.rm && !work.options.forceRm,
      keepOnFailure: !work.options.forceRm,
      signal: work.options.signal,
      onCreated: (id) => work.output.write(` ---> Running in ${short(id)}\n`),
      onRemoved: (id) => {
        output.flush();
        work.output.removed(id);
      },
      onOutput: (text, stream) => output.add(text, stream),
    });
    const layer = await running.finally(() => output.flush());
    return work.images.register(state, createdBy, layer);
  });
}
