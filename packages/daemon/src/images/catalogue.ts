import type { Store } from '../store/api.ts';
import type { Image } from './api.ts';
import { parseConfig, type StoredConfig } from './config.ts';
import { Noted } from './noted.ts';
import { familiarString, fullName, parseReference, type Reference } from './references.ts';

/** Characters of the configurations that are kept parsed; the others are parsed when they are asked for. */
const PARSED = 48 << 20;

/** One image's record: the exact bytes of its configuration, and what only we know about it. */
interface ImageRecord {
  config: string;
  parent: string;
  size: number;
  taggedAt?: string;
  /** Deleted while containers still stand on its layers: no longer an image, but its layers stay. */
  deleted?: true;
}

/** A manifest as a registry sent it, so that it can be pushed with its digest unchanged. */
export interface ManifestRecord {
  mediaType: string;
  body: string;
  /** The image that it is the manifest of; of an index, the one that has the names; of statements, the one they are about. */
  image: string;
  /** The manifest is of statements about the image. */
  attestation?: true;
}

/** Whether a type is that of an index, and not of one image's manifest. */
export const isIndexType = (mediaType: string): boolean => /index|manifest\.list/.test(mediaType);

/** An image as the room itself sees it. */
export interface Entry extends Image {
  readonly config: StoredConfig;
  readonly raw: string;
  readonly taggedAt: string | undefined;
  readonly references: readonly Reference[];
}

/**
 * The records of images: their configurations, names and parents. Everything that belongs together is put in
 * one tick and so in one transaction: a killed daemon never leaves half of an image registered.
 */
export class Catalogue {
  private readonly records: Noted<ImageRecord>;
  private readonly names: Noted<string>;
  private readonly manifests: Noted<ManifestRecord>;
  private readonly configs = new Map<string, StoredConfig>();
  /** Characters of those. */
  private parsed = 0;
  private readonly named = new Map<string, Set<string>>();
  private readonly offspring = new Map<string, Set<string>>();
  /** Digests of the manifests of each image. */
  private readonly described = new Map<string, Set<string>>();
  private readonly entries = new Map<string, Entry>();

  constructor(store: Store) {
    this.records = new Noted(store.collection<ImageRecord>('images'));
    this.names = new Noted(store.collection<string>('image_references'));
    this.manifests = new Noted(store.collection<ManifestRecord>('image_manifests'));
    this.index();
  }

  /** What is looked up by other things than the keys of records. */
  private index(): void {
    for (const map of [this.named, this.offspring, this.described, this.entries]) map.clear();
    for (const [name, id] of this.names.entries()) addTo(this.named, id, name);
    for (const [id, record] of this.records.entries())
      if (record.parent && !record.deleted) addTo(this.offspring, record.parent, id);
    for (const [digest, { image }] of this.manifests.entries()) addTo(this.described, image, digest);
  }

  /**
   * Makes changes, all in one tick. @returns a call that takes them back, but for what was changed again since
   * @throws what `act` throws, and then they are taken back
   */
  changed(act: () => void): () => void {
    const all = [this.records, this.names, this.manifests];
    for (const each of all) each.begin();
    const end = () => {
      const undos = all.map((each) => each.end());
      return () => {
        for (const undo of undos) undo();
        this.configs.clear();
        this.parsed = 0;
        this.index();
      };
    };
    try {
      act();
    } catch (error) {
      end()();
      throw error;
    }
    return end();
  }

  get(id: string): Entry | undefined {
    const known = this.entries.get(id);
    if (known) return known;
    const record = this.records.get(id);
    if (!record || record.deleted) return undefined;
    const entry = this.build(id, record);
    this.entries.set(id, entry);
    return entry;
  }

  /** @param options.steps whether also images without a name that others were made from */
  list({ steps = true } = {}): Entry[] {
    const all: Entry[] = [];
    for (const [id, record] of this.records.entries()) {
      if (record.deleted || (!steps && !this.named.get(id)?.size && this.offspring.get(id)?.size)) continue;
      all.push(this.get(id)!);
    }
    return all;
  }

  /** Deleted images whose layers containers may still need, with those layers. */
  orphans(): Array<{ id: string; diffIds: string[] }> {
    const orphans = [];
    for (const [id, record] of this.records.entries())
      if (record.deleted) orphans.push({ id, diffIds: this.config(id, record).rootfs.diff_ids });
    return orphans;
  }

  /** Whether an image was deleted while containers needed its layers. */
  isOrphan(id: string): boolean {
    return this.records.get(id)?.deleted === true;
  }

  /** The image that a full name (`fullName`) stands for. */
  idOf(name: string): string | undefined {
    return this.names.get(name);
  }

  /** Ids that begin with these hexadecimal digits. */
  search(prefix: string): string[] {
    const wanted = prefix.startsWith('sha256:') ? prefix : `sha256:${prefix}`;
    if (!/^sha256:[a-f0-9]+$/.test(wanted)) return [];
    const found: string[] = [];
    for (const [id, record] of this.records.entries())
      if (!record.deleted && id.startsWith(wanted)) found.push(id);
    return found;
  }

  /** Images made from this one that still exist. */
  children(id: string): string[] {
    return [...(this.offspring.get(id) ?? [])];
  }

  /** Adds an image (or only its parent, when it is known); names are added with `name`. */
  add(id: string, raw: string, options: { parent?: string; size: number }): void {
    const known = this.records.get(id);
    const parent = options.parent ?? (known?.deleted ? '' : (known?.parent ?? ''));
    if (known && !known.deleted && known.parent === parent) return;
    this.records.put(id, {
      config: raw,
      parent,
      size: options.size,
      ...(known?.taggedAt === undefined ? {} : { taggedAt: known.taggedAt }),
    });
    if (known?.parent && known.parent !== parent) this.offspring.get(known.parent)?.delete(id);
    if (parent) addTo(this.offspring, parent, id);
    this.entries.delete(id);
  }

  /** Takes an image out; with `keep`, its layers go on being known as needed (see `orphans`). Its names must be gone. */
  remove(id: string, keep: boolean): void {
    const record = this.records.get(id);
    if (!record) return;
    if (record.parent) this.offspring.get(record.parent)?.delete(id);
    if (keep) this.records.put(id, { ...record, parent: '', deleted: true });
    else {
      this.forgetConfig(id);
      this.records.delete(id);
    }
    this.entries.delete(id);
    for (const digest of this.described.get(id) ?? []) this.manifests.delete(digest);
    this.described.delete(id);
  }

  /** Lets a name stand for an image; it leaves the image it stood for. */
  name(reference: Reference, id: string): void {
    const name = fullName(reference);
    const before = this.names.get(name);
    if (before === id) return;
    if (before !== undefined) this.forget(name, before);
    this.names.put(name, id);
    addTo(this.named, id, name);
    this.entries.delete(id);
  }

  /** Lets one platform's part of an image take over the names and the indexes of another's. */
  inherit(from: string, to: string): void {
    for (const reference of this.get(from)?.references ?? []) this.name(reference, to);
    for (const [digest, record] of this.manifestsOf(from))
      if (isIndexType(record.mediaType)) this.addManifest(digest, { ...record, image: to });
  }

  /** Records that a user tagged the image now (`Metadata.LastTagTime`). */
  touch(id: string, time: string): void {
    const record = this.records.get(id);
    if (!record) return;
    this.records.put(id, { ...record, taggedAt: time });
    this.entries.delete(id);
  }

  /** Takes a name away from the image it stands for. */
  unname(reference: Reference): void {
    const name = fullName(reference);
    const id = this.names.get(name);
    if (id === undefined) return;
    this.names.delete(name);
    this.forget(name, id);
  }

  manifest(digest: string): ManifestRecord | undefined {
    return this.manifests.get(digest);
  }

  /** Manifests that name this image, as registries sent them. */
  manifestsOf(id: string): Array<[string, ManifestRecord]> {
    return this.recordsOf(id).filter(([, { attestation }]) => !attestation);
  }

  /** Manifests of statements about this image. */
  attestationsOf(id: string): Array<[string, ManifestRecord]> {
    return this.recordsOf(id).filter(([, { attestation }]) => attestation);
  }

  /** All manifests of statements. */
  attestations(): ManifestRecord[] {
    return [...this.manifests.values()].filter(({ attestation }) => attestation);
  }

  private recordsOf(id: string): Array<[string, ManifestRecord]> {
    return [...(this.described.get(id) ?? [])].map((digest) => [digest, this.manifests.get(digest)!]);
  }

  /** Kept indexes: what an image of several platforms came with. */
  indexes(): ManifestRecord[] {
    return [...this.manifests.values()].filter(({ mediaType }) => isIndexType(mediaType));
  }

  addManifest(digest: string, manifest: ManifestRecord): void {
    const before = this.manifests.get(digest)?.image;
    if (before === manifest.image) return;
    if (before !== undefined) this.described.get(before)?.delete(digest);
    this.manifests.put(digest, manifest);
    addTo(this.described, manifest.image, digest);
  }

  /** Forgets a manifest; the image stays. */
  dropManifest(digest: string): void {
    const record = this.manifests.get(digest);
    if (!record) return;
    this.described.get(record.image)?.delete(digest);
    this.manifests.delete(digest);
  }

  private forget(name: string, id: string): void {
    this.named.get(id)?.delete(name);
    this.entries.delete(id);
  }

  private config(id: string, record: ImageRecord): StoredConfig {
    let config = this.configs.get(id);
    if (!config) {
      config = parseConfig(record.config);
      this.parsed += record.config.length;
      for (const oldest of this.configs.keys()) {
        if (this.parsed <= PARSED) break;
        this.forgetConfig(oldest);
      }
      this.configs.set(id, config);
    }
    return config;
  }

  /** Forgets what an image's configuration was parsed to. */
  private forgetConfig(id: string): void {
    if (this.configs.delete(id)) this.parsed -= this.records.get(id)?.config.length ?? 0;
    this.entries.delete(id);
  }

  private build(id: string, record: ImageRecord): Entry {
    const config = this.config(id, record);
    const references = [...(this.named.get(id) ?? [])].sort().map(parseReference);
    return {
      id,
      config,
      configSize: record.config.length,
      raw: record.config,
      size: record.size,
      created: config.created ?? '',
      repoTags: references.filter((reference) => reference.tag !== undefined).map(familiarString),
      repoDigests: references.filter((reference) => reference.digest !== undefined).map(familiarString),
      parent: record.parent,
      taggedAt: record.taggedAt,
      references,
    };
  }
}

function addTo(map: Map<string, Set<string>>, key: string, value: string): void {
  const set = map.get(key);
  if (set) set.add(value);
  else map.set(key, new Set([value]));
}
