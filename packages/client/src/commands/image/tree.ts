import { bool, filter } from '../../base/flags.ts';
import { command, noArgs } from '../../cli/command.ts';
import { shortId } from '../../format/list.ts';
import { humanSize } from '../../format/sizes.ts';
import { displayWidth } from '../../format/table.ts';
import { filtersQuery } from '../../shared/filters.ts';
import { type ImageManifest, type ImageSummary, imageRows } from '../../shared/image-rows.ts';
import type { Api } from '../../transport/api.ts';

/** The version of the API that tells what a multi-platform image is made of. */
const withManifests = '1.47';

interface Line {
  name: string;
  id: string;
  disk: string;
  content: string;
  used: boolean;
}

const platformOf = ({ ImageData }: ImageManifest): string => {
  const { os, architecture, variant } = ImageData?.Platform ?? {};
  return [os, architecture, variant].filter(Boolean).join('/') || 'unknown';
};

/** An image's own line, named by all its tags, and a line for each of its platforms. */
function linesOf(image: ImageSummary): Line[] {
  const names = imageRows([image], false).map(({ repository, tag }) =>
    tag === '<none>' ? (repository === '<none>' ? '<untagged>' : repository) : `${repository}:${tag}`,
  );
  const platforms = (image.Manifests ?? []).filter(({ Kind }) => Kind === 'image');
  const used =
    image.Containers > 0 || platforms.some(({ ImageData }) => (ImageData?.Containers ?? []).length > 0);
  const content = platforms.reduce((total, { Size }) => total + (Size?.Content ?? 0), 0);
  const lines: Line[] = names.map((name, at) => ({
    name,
    id: at === 0 ? shortId(image.Id) : '',
    disk: at === 0 ? humanSize(image.Size, 3) : '',
    content: at === 0 && content ? humanSize(content, 3) : '',
    used: at === 0 && used,
  }));
  platforms.forEach((platform, at) => {
    const branch = at === platforms.length - 1 ? '└─' : '├─';
    lines.push({
      name: `${branch} ${platformOf(platform)}`,
      id: shortId(platform.ID),
      disk: platform.Available ? humanSize(platform.Size?.Total ?? 0, 3) : '-',
      content: platform.Available && platform.Size?.Content ? humanSize(platform.Size.Content, 3) : '-',
      used: (platform.ImageData?.Containers ?? []).length > 0,
    });
  });
  return lines;
}

export default command({
  use: '[OPTIONS]',
  about: 'List images with their platforms',
  args: noArgs,
  flags: {
    all: bool('a', 'Show intermediate images too'),
    filter: filter('f', 'Only images this is true for (e.g. "dangling=true")'),
  },
  async run({ cli, flags }) {
    cli.print(await imageTree(await cli.api(), { all: flags.all, filters: flags.filter }));
  },
});

/** The images as a table, each followed by its platforms. */
export async function imageTree(
  api: Api,
  { all, filters }: { all: boolean; filters: Record<string, string[]> },
): Promise<string> {
  // An older daemon has no such version, and its images one platform each.
  const newer = await api.done<'SystemPing'>('GET', '/_ping', { version: withManifests }).then(
    () => true,
    () => false,
  );
  const images: ImageSummary[] = await api.json<'ImageList'>('GET', '/images/json', {
    query: {
      all: all || undefined,
      filters: filtersQuery(filters),
      manifests: newer || undefined,
    },
    ...(newer ? { version: withManifests } : {}),
  });
  for (const image of images)
    if (!image.Manifests?.length) image.Manifests = [await onlyPlatform(api, image)];
  return table(images);
}

/** An image without an index, as the only one of it. */
async function onlyPlatform(api: Api, image: ImageSummary): Promise<ImageManifest> {
  const found = await api.json<'ImageInspect'>('GET', `/images/${image.Id}/json`);
  return {
    ID: image.Id,
    Kind: 'image',
    Available: true,
    Size: { Total: image.Size },
    ImageData: { Platform: { os: found.Os, architecture: found.Architecture, variant: found.Variant ?? '' } },
  };
}

function table(images: readonly ImageSummary[]): string {
  const lines: Line[] = [
    { name: 'IMAGE', id: 'ID', disk: 'DISK USAGE', content: 'CONTENT SIZE', used: false },
  ];
  for (const image of images) lines.push(...linesOf(image));
  const width = (cell: (line: Line) => string): number =>
    Math.max(...lines.map((line) => displayWidth(cell(line))));
  const [name, id, disk, content] = [
    width((line) => line.name),
    width((line) => line.id),
    width((line) => line.disk),
    width((line) => line.content),
  ];
  return lines
    .map((line, at) => {
      const padded = line.name + ' '.repeat(name - displayWidth(line.name));
      const use = at === 0 ? 'IN USE' : line.used ? 'yes' : '';
      return `${padded}   ${line.id.padEnd(id)}   ${line.disk.padStart(disk)}   ${line.content.padStart(content)}   ${use}`.trimEnd();
    })
    .map((text) => `${text}\n`)
    .join('');
}
