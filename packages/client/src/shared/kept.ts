import { statSync } from 'node:fs';
import { CliError } from '../base/errors.ts';
import { bool, filter, list } from '../base/flags.ts';
import { atLeast, command, exactly, forEach, noArgs } from '../cli/command.ts';
import { type Columns, formatList } from '../format/list.ts';
import { naturalCompare } from '../format/natural.ts';
import { ago } from '../format/time.ts';
import { toMap } from '../parse/environment.ts';
import { readFileStream, stdinStream } from './files.ts';
import { filtersQuery } from './filters.ts';
import { chooseFormat, inspectFormatFlag, joinLabels, listFormatFlag } from './formats.ts';
import { inspectAll } from './inspect.ts';

/* The commands of secrets and configs, which differ in their words and paths only. */

type Kind = 'secret' | 'config';

/** The largest content in bytes. A larger one is not sent. */
const LARGEST = { secret: 500 * 1024, config: 1000 * 1024 };

interface Kept {
  ID: string;
  CreatedAt: string;
  UpdatedAt: string;
  Spec: { Name: string; Labels: Record<string, string> };
}

/** `berth secret create` and `berth config create`. */
export const createKept = (kind: Kind) =>
  command({
    use: `[OPTIONS] ${kind.toUpperCase()} file|-`,
    about: `Make a ${kind} of a file or standard input`,
    more: `It is encrypted at rest. A container gets it by 'run --${kind} NAME' as a file.`,
    args: exactly(2),
    flags: { label: list('l', `Labels of the ${kind}`) },
    async run({ cli, flags, args: [name, source] }) {
      const content = await read(kind, source!);
      const api = await cli.api();
      const { ID } = await api.json<'SecretCreate' | 'ConfigCreate'>('POST', `/${kind}s/create`, {
        body: { Name: name!, Labels: toMap(flags.label), Data: content.toString('base64') },
      });
      cli.print(`${ID}\n`);
    },
  });

async function read(kind: Kind, source: string): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  if (source !== '-' && statSync(source, { throwIfNoEntry: false })?.isDirectory())
    throw new CliError(`read ${source}: is a directory`);
  for await (const part of source === '-' ? stdinStream() : readFileStream(source)) {
    size += part.length;
    if (size > LARGEST[kind])
      throw new CliError(`a ${kind} has at most ${LARGEST[kind]} bytes, and ${source} has more`);
    parts.push(part);
  }
  return Buffer.concat(parts);
}

/** `berth secret inspect` and `berth config inspect`. */
export const inspectKept = (kind: Kind) =>
  command({
    use: `[OPTIONS] ${kind.toUpperCase()} [${kind.toUpperCase()}...]`,
    about: `Show all details of ${kind}s`,
    args: atLeast(1),
    flags: { format: inspectFormatFlag() },
    async run({ cli, flags, args }) {
      const api = await cli.api();
      await inspectAll(cli, args, flags.format, async (name) => ({
        goType: kind === 'secret' ? 'swarm.Secret' : 'swarm.Config',
        json: await api.text<'SecretInspect' | 'ConfigInspect'>('GET', `/${kind}s/${name}`),
      }));
    },
  });

const columns = (kind: Kind): Columns<Kept> => ({
  goType: `*formatter.${kind}Context`,
  columns: {
    CreatedAt: { header: 'CREATED', value: ({ CreatedAt }) => ago(Date.parse(CreatedAt) / 1000) },
    ...(kind === 'secret' && { Driver: { header: 'DRIVER', value: () => '' } }),
    ID: { header: 'ID', value: ({ ID }) => ID },
    Labels: { header: 'LABELS', value: ({ Spec }) => joinLabels(Spec.Labels) },
    Name: { header: 'NAME', value: ({ Spec }) => Spec.Name },
    UpdatedAt: { header: 'UPDATED', value: ({ UpdatedAt }) => ago(Date.parse(UpdatedAt) / 1000) },
  },
  methods: { Label: ({ Spec }, name) => Spec.Labels[name] ?? '' },
});

/** `berth secret ls` and `berth config ls`. */
export const listKept = (kind: Kind) =>
  command({
    use: '[OPTIONS]',
    about: `List ${kind}s`,
    aliases: [`berth ${kind} ls`, `berth ${kind} list`],
    args: noArgs,
    flags: {
      filter: filter('f', `Only ${kind}s this is true for (e.g. "name=web")`),
      format: listFormatFlag(),
      quiet: bool('q', 'Only print ids'),
    },
    async run({ cli, flags }) {
      const api = await cli.api();
      const found = await api.json<'SecretList' | 'ConfigList'>('GET', `/${kind}s`, {
        query: { filters: filtersQuery(flags.filter) },
      });
      found.sort((a, b) => naturalCompare(a.Spec.Name, b.Spec.Name));
      const driver = kind === 'secret' ? '\\t{{.Driver}}' : '';
      const formats = {
        table: `table {{.ID}}\\t{{.Name}}${driver}\\t{{.CreatedAt}}\\t{{.UpdatedAt}}`,
        quiet: '{{.ID}}',
      };
      cli.print(formatList(columns(kind), found, chooseFormat(formats, flags.format, flags.quiet)));
    },
  });

/** `berth secret rm` and `berth config rm`. */
export const removeKept = (kind: Kind) =>
  command({
    use: `${kind.toUpperCase()} [${kind.toUpperCase()}...]`,
    about: `Remove ${kind}s`,
    more: `One that a container refers to cannot be removed.`,
    aliases: [`berth ${kind} rm`, `berth ${kind} remove`],
    args: atLeast(1),
    flags: {},
    async run({ cli, args }) {
      const api = await cli.api();
      await forEach(
        cli,
        args,
        (name) => api.done<'SecretDelete' | 'ConfigDelete'>('DELETE', `/${kind}s/${name}`),
        false,
      );
    },
  });
