import { CliError } from '../../base/errors.ts';
import { bool, string } from '../../base/flags.ts';
import { command, exactly } from '../../cli/command.ts';
import type { Part } from '../../explain/rows.ts';
import { type Api, ApiError } from '../../transport/api.ts';

const KINDS = ['container', 'image', 'network'] as const;
type Kind = (typeof KINDS)[number];

export default command({
  use: '[OPTIONS] CONTAINER|IMAGE|NETWORK',
  about: 'Show what is true of a container, an image or a network, and why it does not work',
  more: `Of a container: its namespaces and who shares them, its processes as it and as the host numbers them, limits beside
use, the layers of its root, its way to the world, users and confinement. With --why: why it ended, is not reached, cannot
write, is slow, does not find a name or is unhealthy, from evidence, which is shown.`,
  args: exactly(1),
  flags: {
    format: string('f', 'Format of the output: "text", "json" or a Go template'),
    from: string('', 'With --why: another container, from which this one is not reached'),
    name: string('', 'With --why: the name that was not found'),
    path: string('', 'With --why: a path in the container that could not be written to'),
    question: string('', 'With --why: only these of exit, reach, write, slow, resolve, health'),
    svg: string('', 'Write a picture to this file', { shown: 'file' }),
    type: string('', 'Only a thing of this kind: container, image, network'),
    why: bool('', 'Say why a container does not work'),
  },
  async run({ cli, flags, args }) {
    const api = await cli.api();
    const name = args[0]!;
    const asked = KINDS.find((kind) => kind === flags.type);
    if (flags.type && !asked) throw new CliError(`"${flags.type}" is not a valid value for --type`);
    const narrowing = (['from', 'name', 'path', 'question'] as const).find((flag) => flags[flag]);
    if (narrowing && !flags.why) throw new CliError(`--${narrowing} goes with --why`);
    if (flags.why) {
      if (flags.svg) throw new CliError('--why and --svg do not go together');
      const { from, name: missing, path, question } = flags;
      const json = await api.text<'ExplainContainerWhy'>(
        'GET',
        `/berth/explain/containers/${encodeURIComponent(name)}/why`,
        {
          query: {
            from: from || undefined,
            name: missing || undefined,
            path: path || undefined,
            question: question || undefined,
          },
        },
      );
      return print(json, async (value) => {
        const { whyText } = await import('../../explain/why.ts');
        return whyText(value as Parameters<typeof whyText>[0]);
      });
    }
    const { kind, json } = await find(api, asked ? [asked] : KINDS, name);
    if (flags.svg) {
      const { writeFile } = await import('node:fs/promises');
      await writeFile(flags.svg, await picture(kind, JSON.parse(json)));
      if (!flags.format) return;
    }
    await print(json, async (value) => {
      const { partsText } = await import('../../explain/rows.ts');
      const { title, parts } = await laidOut(kind, value);
      return partsText(title, parts);
    });

    async function print(text: string, asText: (value: unknown) => Promise<string>): Promise<void> {
      if (flags.format === '' || flags.format === 'text') cli.print(await asText(JSON.parse(text)));
      else {
        const { inspectAll } = await import('../../shared/inspect.ts');
        const goType = 'berth.Explanation';
        if (flags.format === 'json') {
          const { indentJson } = await import('../../format/json.ts');
          cli.print(`${indentJson(text)}\n`);
        } else await inspectAll(cli, [name], flags.format, async () => ({ goType, json: text }));
      }
    }
  },
});

const GET: Record<Kind, (api: Api, name: string) => Promise<string>> = {
  container: (api, name) => api.text<'ExplainContainer'>('GET', `/berth/explain/containers/${name}`),
  image: (api, name) => api.text<'ExplainImage'>('GET', `/berth/explain/images/${name}`),
  network: (api, name) => api.text<'ExplainNetwork'>('GET', `/berth/explain/networks/${name}`),
};

/** The first of the kinds that has something of the name. */
async function find(api: Api, kinds: readonly Kind[], name: string): Promise<{ kind: Kind; json: string }> {
  for (const kind of kinds)
    try {
      return { kind, json: await GET[kind](api, encodeURIComponent(name)) };
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 404 || kinds.length === 1) throw error;
    }
  throw new CliError(`Error: No such container, image or network: ${name}`);
}

async function laidOut(kind: Kind, value: unknown): Promise<{ title: string; parts: Part[] }> {
  const rows = await import('../../explain/rows.ts');
  if (kind === 'container') {
    const container = value as Parameters<typeof rows.containerParts>[0];
    return { title: rows.containerTitle(container), parts: rows.containerParts(container) };
  }
  const others = await import('../../explain/others.ts');
  if (kind === 'image') {
    const image = value as Parameters<typeof others.imageParts>[0];
    return { title: others.imageTitle(image), parts: others.imageParts(image) };
  }
  const network = value as Parameters<typeof others.networkParts>[0];
  return { title: others.networkTitle(network), parts: others.networkParts(network) };
}

async function picture(kind: Kind, value: unknown): Promise<string> {
  const { drawSvg } = await import('../../explain/svg.ts');
  const { containerWay, networkWay } = await import('../../explain/way.ts');
  const { title, parts } = await laidOut(kind, value);
  const way =
    kind === 'container'
      ? containerWay(value as Parameters<typeof containerWay>[0])
      : kind === 'network'
        ? networkWay(value as Parameters<typeof networkWay>[0])
        : [];
  return drawSvg(title, parts, way);
}
