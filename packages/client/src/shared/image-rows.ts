import { type Columns, shortId } from '../format/list.ts';
import { humanSize } from '../format/sizes.ts';
import { ago, goTime } from '../format/time.ts';
import { familiarName, parseReference } from '../parse/reference.ts';
import type { NamedFormats } from './formats.ts';

/** An image as the daemon lists it. */
export interface ImageSummary {
  Id: string;
  RepoTags: string[] | null;
  RepoDigests: string[] | null;
  Created: number;
  Size: number;
  SharedSize: number;
  Containers: number;
  Manifests?: ImageManifest[] | null;
}

/** One of the images of a multi-platform image. */
export interface ImageManifest {
  ID: string;
  Kind: string;
  Available: boolean;
  Size?: { Total?: number; Content?: number };
  ImageData?: {
    Platform?: { os?: string; architecture?: string; variant?: string };
    Containers?: string[] | null;
    Size?: { Unpacked?: number };
  } | null;
}

/** A line of a list of images: one of the image's names. */
export interface ImageRow {
  image: ImageSummary;
  repository: string;
  tag: string;
  digest: string;
}

const none = '<none>';
const countOrNone = (size: number, text: (size: number) => string): string =>
  size === -1 ? 'N/A' : text(size);

/** The columns of `images`. */
export const imageColumns = (truncate: boolean): Columns<ImageRow> => ({
  goType: '*formatter.imageContext',
  columns: {
    Containers: { header: 'CONTAINERS', value: ({ image }) => countOrNone(image.Containers, String) },
    CreatedAt: { header: 'CREATED AT', value: ({ image }) => goTime(image.Created) },
    CreatedSince: { header: 'CREATED', value: ({ image }) => createdSince(image.Created) },
    Digest: { header: 'DIGEST', value: ({ digest }) => digest },
    ID: { header: 'IMAGE ID', value: ({ image }) => (truncate ? shortId(image.Id) : image.Id) },
    Repository: { header: 'REPOSITORY', value: ({ repository }) => repository },
    SharedSize: { header: 'SHARED SIZE', value: ({ image }) => countOrNone(image.SharedSize, humanSize) },
    Size: { header: 'SIZE', value: ({ image }) => humanSize(image.Size, 3) },
    Tag: { header: 'TAG', value: ({ tag }) => tag },
    UniqueSize: {
      header: 'UNIQUE SIZE',
      value: ({ image }) =>
        image.Size === -1 || image.SharedSize === -1 ? 'N/A' : humanSize(image.Size - image.SharedSize),
    },
    VirtualSize: { header: 'SIZE', value: ({ image }) => humanSize(image.Size) },
  },
});

/** Go's zero time stands for an unknown one. */
const createdSince = (seconds: number): string => (seconds <= -62135596800 ? '' : ago(seconds));

const created = '{{if .CreatedSince }}{{.CreatedSince}}{{else}}N/A{{end}}';

/** The named formats of `images`. */
export function imageFormats(digests: boolean): NamedFormats {
  const digestColumn = digests ? '{{.Digest}}\\t' : '';
  const digestLine = digests ? 'digest: {{.Digest}}\n' : '';
  return {
    table: `table {{.Repository}}\\t{{.Tag}}\\t${digestColumn}{{.ID}}\\t${created}\\t{{.Size}}`,
    quiet: '{{.ID}}',
    raw: `repository: {{ .Repository }}\ntag: {{.Tag}}\n${digestLine}image_id: {{.ID}}\ncreated_at: {{.CreatedAt}}\nvirtual_size: {{.Size}}\n`,
    rawQuiet: 'image_id: {{.ID}}',
  };
}

/**
 * The lines of images: one for each tag, and for each digest when digests are shown; names that only a digest has
 * come last, and an image without a name has one line of its own.
 */
export function imageRows(
  images: readonly ImageSummary[],
  digestsShown: boolean,
  digestColumn = digestsShown,
): ImageRow[] {
  return images.flatMap((image) => {
    if (isDangling(image)) return [{ image, repository: none, tag: none, digest: none }];
    const rows: ImageRow[] = [];
    const tags = named(image.RepoTags, 'tag');
    const digests = named(image.RepoDigests, 'digest');
    for (const [repository, names] of tags) {
      const own = digestsShown ? (digests.get(repository) ?? []) : [];
      digests.delete(repository);
      for (const tag of names)
        for (const digest of own.length ? own : [none]) rows.push({ image, repository, tag, digest });
    }
    for (const [repository, values] of digests)
      if (digestColumn) for (const digest of values) rows.push({ image, repository, tag: none, digest });
      else rows.push({ image, repository, tag: none, digest: '' });
    return rows;
  });
}

function isDangling({ RepoTags, RepoDigests }: ImageSummary): boolean {
  const tags = RepoTags ?? [];
  const digests = RepoDigests ?? [];
  if (!tags.length && !digests.length) return true;
  return (
    tags.length === 1 && tags[0] === '<none>:<none>' && digests.length === 1 && digests[0] === '<none>@<none>'
  );
}

/** Tags or digests by the familiar name of their repository, in the daemon's order. */
function named(references: readonly string[] | null, part: 'tag' | 'digest'): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const text of references ?? [])
    try {
      const reference = parseReference(text);
      const value = reference[part];
      if (value === undefined) continue;
      const name = familiarName(reference);
      found.set(name, [...(found.get(name) ?? []), value]);
    } catch {
      // `<none>:<none>` and the like
    }
  return found;
}
