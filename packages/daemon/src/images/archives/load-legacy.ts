import { posix } from 'node:path';
import { invalidParameter } from '../../base/errors.ts';
import { sortedMap } from '../../base/go-json.ts';
import { digestOf, dockerConfig, goTime, parseConfig, type StoredConfig } from '../config.ts';
import { parseReference, type Reference } from '../references.ts';
import { ArchiveReading, breathe, type Contents, resolveLink } from './archive-reading.ts';
import type { Described } from './load-describe.ts';

/*
 * Archives as `docker save` wrote them before 1.10: a folder for each layer with its description (`json`, image-spec v1) and
 * its content (`layer.tar`), and a file `repositories` with the names. Every folder is an image, over that of its parent.
 */

const REPOSITORIES = 'repositories';
/** An image repeats the history of those that it stands on; engines of that time had room for 127 layers. */
const MOST_LAYERS = 256;
/** Bytes of all configurations together: a line of 127 images, each with the history below it, has some three million. */
const MOST_BYTES = 64 * 1024 * 1024;

/** The oldest version whose descriptions hold all there is to know (Go's order of versions, by their numbers). */
const WHOLE_SINCE = [1, 8, 3];

/** Whether the archive is one of these; it has nothing newer then. */
export const isLegacy = ({ documents }: Contents): boolean =>
  documents.has(REPOSITORIES) && !documents.has('manifest.json') && !documents.has('index.json');

/**
 * The images of such an archive, with the ids that dockerd gives them. All layers have been taken in.
 * @throws invalid-parameter for one that is malformed, or lacks a part of an image
 */
export async function describeLegacy(contents: Contents): Promise<Described[]> {
  const reading = new ArchiveReading(contents);
  const names = namesById(reading);
  const made: Made = { images: new Map(), bytes: 0 };
  const folders = [...contents.documents.keys()]
    .filter((name) => posix.basename(name) === 'json' && !posix.dirname(name).includes('/'))
    .map((name) => posix.dirname(name))
    .sort();
  for (const id of folders) await make(reading, id, made);
  for (const [id, references] of names) {
    const image = made.images.get(id);
    if (!image) throw invalidParameter(`${REPOSITORIES} names an image that the archive lacks: ${id}`);
    image.names = references;
  }
  return [...made.images.values()];
}

/** The images that were made so far, and the bytes of their configurations. */
interface Made {
  images: Map<string, Described>;
  bytes: number;
}

/** Makes an image and, before it, those that it stands on. */
async function make(reading: ArchiveReading, id: string, made: Made): Promise<void> {
  const { images } = made;
  const line: Array<[id: string, description: Description]> = [];
  for (let next = id; next !== '' && !images.has(next); ) {
    await breathe();
    if (line.length > MOST_LAYERS)
      throw invalidParameter(`the image ${id} of the archive is its own parent, or has too many`);
    const description = describe(reading, next);
    line.push([next, description]);
    next = description.parent ?? '';
  }
  for (const [each, description] of line.reverse()) {
    await breathe();
    const path = `${each}/layer.tar`;
    const { contents } = reading;
    const layer = await contents.layers.get(resolveLink(contents, path, contents.layers));
    if (!layer) throw invalidParameter(`the archive lacks the layer ${path}`);
    const parent = images.get(description.parent ?? '');
    const raw = configOf(description, layer.diffId, parent?.config);
    if (parent && parent.layers.length >= MOST_LAYERS)
      throw invalidParameter(`the image ${each} of the archive has more than ${MOST_LAYERS} layers`);
    made.bytes += raw.length;
    if (made.bytes > MOST_BYTES)
      throw invalidParameter('the configurations of the images in the archive are too large');
    images.set(each, {
      id: digestOf(raw),
      raw,
      config: parseConfig(raw),
      layers: [...(parent?.layers ?? []), path],
      names: [],
      ...(parent ? { parent: parent.id } : {}),
    });
  }
}

interface Description {
  id?: string;
  parent?: string;
  created?: string;
  author?: string;
  comment?: string;
  docker_version?: string;
  container_config?: { Cmd?: string[] | null };
  os?: string;
}

function describe(reading: ArchiveReading, id: string): Description {
  const path = `${id}/json`;
  const value = reading.json(reading.document(path), path);
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalidParameter(`${path} is not an object`);
  const description = value as Record<string, unknown>;
  for (const name of ['parent', 'created', 'author', 'comment', 'docker_version', 'os'])
    if (description[name] !== undefined && typeof description[name] !== 'string')
      throw invalidParameter(`${name} of ${path} is not a string`);
  // The other members that count are checked as those of every configuration are.
  parseConfig(JSON.stringify({ ...description, rootfs: {} }));
  parseConfig(JSON.stringify({ config: description['container_config'], rootfs: {} }));
  if (description['os'] && description['os'] !== 'linux')
    throw invalidParameter(`cannot load ${description['os']} image on linux`);
  return description as Description;
}

/** The configuration of today that a description of then stands for: its digest is the image's id. */
function configOf(description: Description, diffId: string, below: StoredConfig | undefined): string {
  const { id: _, parent: __, ...kept } = isWhole(description) ? description : { ...normalized(description) };
  const members: Record<string, unknown> = { ...kept };
  for (const name of ['Size', 'parent_id', 'layer_id', 'throwaway']) delete members[name];
  const { author, comment, created, container_config } = description;
  members['rootfs'] = { type: 'layers', diff_ids: [...(below?.rootfs.diff_ids ?? []), diffId] };
  members['history'] = [
    ...(below?.history ?? []),
    {
      created: created === undefined ? NEVER : goTime(created),
      ...(container_config?.Cmd?.length ? { created_by: container_config.Cmd.join(' ') } : {}),
      ...(author ? { author } : {}),
      ...(comment ? { comment } : {}),
    },
  ];
  return JSON.stringify(sortedMap(members)).replace(
    ESCAPED,
    (each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Characters that Go's encoder writes by their numbers, so that JSON may stand in HTML and in JavaScript. */
const ESCAPED = /[<>&\u2028\u2029]/g;

/** Go's time of nothing. */
const NEVER = '0001-01-01T00:00:00Z';

/** The members that dockerd knows, each in its form of today. */
function normalized(description: Description): Description {
  const from = description as Record<string, unknown>;
  const to: Record<string, unknown> = {};
  for (const name of ['author', 'comment', 'container', 'docker_version', 'architecture', 'variant', 'os'])
    if (from[name]) to[name] = from[name];
  to['created'] = description.created === undefined ? NEVER : goTime(description.created);
  to['container_config'] = dockerConfig(description.container_config as Record<string, unknown> | undefined);
  if (from['config']) to['config'] = dockerConfig(from['config'] as Record<string, unknown>);
  return to as Description;
}

function isWhole({ docker_version: version = '' }: Description): boolean {
  const parts = version.split(/[.-]/).map((part) => Number.parseInt(part, 10) || 0);
  for (const [place, wanted] of WHOLE_SINCE.entries()) {
    const part = parts[place] ?? 0;
    if (part !== wanted) return part > wanted;
  }
  return true;
}

function namesById(reading: ArchiveReading): Map<string, Reference[]> {
  const value = reading.json(reading.document(REPOSITORIES), REPOSITORIES);
  const names = new Map<string, Reference[]>();
  for (const [name, tags] of entries(value)) {
    for (const [tag, id] of entries(tags)) {
      if (typeof id !== 'string') throw malformed();
      reading.count(1);
      const known = names.get(id) ?? [];
      known.push(parseReference(`${name}:${tag}`));
      names.set(id, known);
    }
  }
  return names;
}

function entries(value: unknown): Array<[string, unknown]> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw malformed();
  return Object.entries(value);
}

const malformed = () => invalidParameter(`${REPOSITORIES} is malformed: it must give ids by names and tags`);
