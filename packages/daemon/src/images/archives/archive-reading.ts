import { posix } from 'node:path';
import { BerthError, invalidParameter } from '../../base/errors.ts';
import { parseJson } from '../../base/go-json.ts';
import type { Layer } from '../../layers/api.ts';
import { digestOf, parseConfig, type StoredConfig } from '../config.ts';

/** The contents of an archive, by normalised name. */
export interface Contents {
  documents: Map<string, Buffer>;
  layers: Map<string, Promise<Layer>>;
  links: Map<string, string>;
}

/** An entry's name without detours: `./a//b` and `/a/b` are `a/b`. */
export function normalName(name: string): string {
  return posix.normalize(`/${name}`).slice(1);
}

/** Older archives write a layer that two images share as a link. */
export function resolveLink(contents: Contents, name: string, known: Map<string, unknown>): string {
  let current = name;
  for (let hops = 0; hops < 16 && !known.has(current); hops += 1) {
    const target = contents.links.get(current);
    if (target === undefined) break;
    current = target;
  }
  return current;
}

/** Images, names, layers and entries of indexes that an archive may name: indexes within indexes count each time. */
const MOST_NAMED = 20_000;
/** The state of an archive that is read: what came so far, and its documents, of which one that is named often is read once. */
export class ArchiveReading {
  readonly contents: Contents;
  readonly #texts = new Map<Buffer, string>();
  readonly #values = new Map<Buffer, unknown>();
  readonly #configs = new Map<Buffer, StoredConfig>();
  readonly #digests = new Map<Buffer, string>();
  #named = 0;

  constructor(contents: Contents) {
    this.contents = contents;
  }

  /** @throws invalid-parameter when more were counted than an archive may name: 20,000 */
  count(things: number): void {
    this.#named += things;
    if (this.#named > MOST_NAMED)
      throw invalidParameter(
        `the archive tells of more than ${MOST_NAMED} images, names, layers and manifests`,
      );
  }

  text(body: Buffer): string {
    return remembered(this.#texts, body, () => body.toString());
  }

  json(body: Buffer, name: string): unknown {
    return remembered(this.#values, body, () => readJson(this.text(body), name));
  }

  config(body: Buffer): StoredConfig {
    return remembered(this.#configs, body, () => parseConfig(this.text(body)));
  }

  digest(body: Buffer): string {
    return remembered(this.#digests, body, () => digestOf(body));
  }

  /** A document by its path in the archive. @throws invalid-parameter when it is not there */
  document(path: string): Buffer {
    const { contents } = this;
    const body = contents.documents.get(resolveLink(contents, normalName(path), contents.documents));
    if (!body) throw invalidParameter(`the archive lacks ${path}: no such file or directory`);
    return body;
  }
}

function remembered<T>(values: Map<Buffer, T>, body: Buffer, make: () => T): T {
  const found = values.get(body);
  if (found !== undefined) return found;
  const made = make();
  values.set(body, made);
  return made;
}

/** Gives other work of the event loop its turn between two documents: reading one may take long. */
export const breathe = () => new Promise<void>((resolve) => setImmediate(resolve));

function readJson(text: string, name: string): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    throw new BerthError('invalid-parameter', `${name} is not JSON: ${(error as Error).message}`);
  }
}
