import { parseMount } from '../../../dockerfile/mounts.ts';
import type { Dockerfile, Instruction } from '../../../dockerfile/types.ts';
import { expandWord } from '../../../dockerfile/words.ts';
import type { Stage } from '../../stages.ts';
import { locationOf, nameOf, type SourceLocation } from './lint/findings.ts';

/** `# name text` right before an instruction describes the name; '' where nothing does. */
function descriptionOf({ comments }: Instruction, name: string): string {
  if (name === '') return '';
  return comments.find((comment) => comment.startsWith(`${name} `))?.slice(name.length + 1) ?? '';
}

const described = (instruction: Instruction, name: string) => {
  const description = descriptionOf(instruction, name);
  return description === '' ? {} : { description };
};

/** The stages that can be built. */
export interface Targets {
  targets: Array<{
    name?: string;
    default?: boolean;
    description?: string;
    base?: string;
    platform?: string;
    location: SourceLocation;
  }>;
  sources: string[];
}

/** The stages of a Dockerfile with their descriptions, in its order; the last is the default. */
export function listTargets(dockerfile: Dockerfile, text: string): Targets {
  const froms = dockerfile.instructions.filter(({ name }) => name === 'FROM');
  return {
    targets: froms.map((from, index) => {
      const [base = '', , name = ''] = from.args;
      const platform = from.flags.find((flag) => flag.name === 'platform')?.value ?? '';
      return {
        ...(name && { name: name.toLowerCase() }),
        ...(index === froms.length - 1 && { default: true }),
        ...described(from, name.toLowerCase()),
        ...(base && { base }),
        ...(platform && { platform }),
        location: locationOf(from),
      };
    }),
    sources: [Buffer.from(text).toString('base64')],
  };
}

interface Named {
  name: string;
  required?: boolean;
  location: SourceLocation;
}

/** The parameters of one target: its arguments and what its steps are lent. */
export interface Outline {
  name?: string;
  description?: string;
  args?: Array<{ name: string; value?: string; description?: string; location: SourceLocation }>;
  secrets?: Named[];
  ssh?: Named[];
  sources: string[];
}

/**
 * `needed`: the stages that the target needs, `global` the ARGs before the first stage with their values, `given` those of the
 * client.
 */
export function outlineOf(
  dockerfile: Dockerfile,
  text: string,
  parts: {
    target: Stage;
    needed: ReadonlySet<Stage>;
    global: ReadonlyMap<string, string | undefined>;
    given: Record<string, string>;
  },
): Outline {
  const args = new Map<string, NonNullable<Outline['args']>[number]>();
  const secrets = new Map<string, Named>();
  const ssh = new Map<string, Named>();
  const used = new Set<string>();
  const note = (instruction: Instruction, argument: string) => {
    const name = nameOf(argument);
    const written = argument.includes('=') ? argument.slice(name.length + 1) : undefined;
    const byDefault =
      written === undefined
        ? parts.global.get(name)
        : expandWord(written, (key) => args.get(key)?.value ?? parts.global.get(key), dockerfile.escape);
    const value = parts.given[name] ?? byDefault;
    const known = args.get(name);
    if (known && value === undefined) return;
    args.set(name, {
      name,
      ...(value !== undefined && value !== '' && { value }),
      ...described(instruction, name),
      location: locationOf(instruction),
      ...(known?.description !== undefined &&
        descriptionOf(instruction, name) === '' && { description: known.description }),
    });
  };
  const first = dockerfile.instructions.findIndex(({ name }) => name === 'FROM');
  for (const instruction of dockerfile.instructions.slice(0, first))
    for (const argument of instruction.args) note(instruction, argument);
  const watch = (word: string) =>
    expandWord(
      word,
      (name) => {
        used.add(name);
        return args.get(name)?.value ?? parts.global.get(name);
      },
      dockerfile.escape,
    );
  for (const stage of parts.needed) {
    for (const word of [stage.from.args[0] ?? '', ...stage.from.flags.map(({ value }) => value)]) watch(word);
    for (const instruction of stage.instructions) {
      if (instruction.name === 'ARG')
        for (const argument of instruction.args) {
          note(instruction, argument);
          used.add(nameOf(argument));
        }
      if (instruction.name === 'RUN') lent(instruction, secrets, ssh);
    }
  }
  // The default of an argument that is used may take others.
  for (const { name } of args.values()) if (used.has(name)) watchDefault(dockerfile, name, watch);
  const inOrder = <T extends { location: SourceLocation }>(list: Iterable<T>) =>
    [...list].sort((a, b) => a.location.ranges[0]!.start.line - b.location.ranges[0]!.start.line);
  const shown = inOrder([...args.values()].filter(({ name }) => used.has(name)));
  return {
    ...(parts.target.name && { name: parts.target.name }),
    ...described(parts.target.from, parts.target.name),
    ...(shown.length > 0 && { args: shown }),
    ...(secrets.size > 0 && { secrets: inOrder(secrets.values()) }),
    ...(ssh.size > 0 && { ssh: inOrder(ssh.values()) }),
    sources: [Buffer.from(text).toString('base64')],
  };
}

function watchDefault(dockerfile: Dockerfile, name: string, watch: (word: string) => string): void {
  for (const instruction of dockerfile.instructions)
    if (instruction.name === 'ARG')
      for (const argument of instruction.args)
        if (nameOf(argument) === name && argument.includes('=')) watch(argument.slice(name.length + 1));
}

function lent(instruction: Instruction, secrets: Map<string, Named>, ssh: Map<string, Named>): void {
  for (const flag of instruction.flags) {
    if (flag.name !== 'mount' || flag.value.includes('$')) continue;
    const mount = parseMount(flag.value, '/');
    const into = mount.type === 'secret' ? secrets : mount.type === 'ssh' ? ssh : undefined;
    if (!into) continue;
    const name = mount.id || (mount.type === 'ssh' ? 'default' : (mount.target.split('/').at(-1) ?? ''));
    const required = mount.required || into.get(name)?.required === true;
    into.set(name, { name, ...(required && { required }), location: locationOf(instruction) });
  }
}
