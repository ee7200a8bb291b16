import { conflict, invalidParameter, notFound } from '../../base/errors.ts';
import { lowerBound } from '../../base/sorted.ts';
import { bridgeLinks } from '../lifecycle/links.ts';
import type { Container } from './container.ts';

/** All containers, found by id, name or the beginning of an id; names are reserved here. */
export class Registry {
  private readonly byId = new Map<string, Container>();
  private readonly byName = new Map<string, string>();
  private readonly unfinished = new Set<Container>();

  /**
   * Takes the name of a container that is being made: until `add` no request finds it, which could remove what is not
   * there yet.
   * @throws conflict as `reserve`
   */
  begin(container: Container): void {
    this.reserve(container.record.name, container.id);
    this.unfinished.add(container);
  }

  add(container: Container): void {
    this.unfinished.delete(container);
    this.byId.set(container.id, container);
    this.byName.set(container.record.name, container.id);
  }

  delete(container: Container): void {
    this.unfinished.delete(container);
    this.byId.delete(container.id);
    if (this.byName.get(container.record.name) === container.id) this.byName.delete(container.record.name);
  }

  all(): IterableIterator<Container> {
    return this.byId.values();
  }

  /** The containers whose image and volumes must stay: all, and those that are being made. */
  owners(): Container[] {
    return [...this.byId.values(), ...this.unfinished];
  }

  get size(): number {
    return this.byId.size;
  }

  byFullId(id: string): Container | undefined {
    return this.byId.get(id);
  }

  nameTaken(name: string): boolean {
    return this.byName.has(name);
  }

  /** @throws conflict with dockerd's text when another container has the name. */
  reserve(name: string, id: string): void {
    const owner = this.byName.get(name);
    if (owner !== undefined && owner !== id)
      throw conflict(
        `Conflict. The container name "/${name}" is already in use by container "${owner}". You have to remove (or rename) that container to be able to reuse that name.`,
      );
    this.byName.set(name, id);
  }

  release(name: string, id: string): void {
    if (this.byName.get(name) === id) this.byName.delete(name);
  }

  /** @throws not-found, or invalid-parameter when a prefix fits several. */
  lookup(reference: string): Container {
    const found = this.find(reference);
    if (!found) throw notFound(`No such container: ${reference}`);
    return found;
  }

  /** As lookup, undefined when there is none. */
  find(reference: string): Container | undefined {
    if (reference === '') throw invalidParameter('invalid name or ID supplied: ""');
    const name = reference.startsWith('/') ? reference.slice(1) : reference;
    const exact =
      this.byId.get(reference) ?? this.byId.get(this.byName.get(name) ?? '') ?? this.findLinked(name);
    if (exact) return exact;
    const [found, other] = this.withPrefix(reference);
    if (other) throw invalidParameter(`multiple IDs found with provided prefix: ${reference}`);
    return found;
  }

  /**
   * The ids that are meant by their beginnings, each found in the sorted ids: a client may send tens of thousands. A beginning
   * of several ids, or of none, means nothing.
   */
  meantIds(prefixes: readonly string[]): Set<string> {
    const ids = [...this.byId.keys()].sort();
    const meant = new Set<string>();
    for (const prefix of prefixes) {
      if (!/^[0-9a-f]+$/.test(prefix)) continue;
      const at = lowerBound(ids, prefix);
      if (ids[at]?.startsWith(prefix) && !ids[at + 1]?.startsWith(prefix)) meant.add(ids[at]!);
    }
    return meant;
  }

  /** The containers, two at most, whose ids begin so; none for what is no beginning of an id. */
  private withPrefix(prefix: string): Container[] {
    const found: Container[] = [];
    if (!/^[0-9a-f]+$/.test(prefix)) return found;
    for (const [id, container] of this.byId) if (id.startsWith(prefix) && found.push(container) === 2) break;
    return found;
  }

  /** How many there are and how many of them run, as GET /info shows them. */
  counts() {
    const counts = { total: this.size, running: 0, paused: 0, stopped: 0 };
    for (const { state } of this.byId.values()) {
      if (state.status === 'running' || state.status === 'restarting') counts.running += 1;
      else if (state.status === 'paused') counts.paused += 1;
      else counts.stopped += 1;
    }
    return counts;
  }

  /** `PARENT/ALIAS`: the container that another knows by a link. */
  private findLinked(name: string): Container | undefined {
    const slash = name.indexOf('/');
    const parent = slash > 0 && this.byId.get(this.byName.get(name.slice(0, slash)) ?? '');
    const link = parent && bridgeLinks(parent.record).find(({ alias }) => alias === name.slice(slash + 1));
    return link ? this.find(link.target) : undefined;
  }
}
