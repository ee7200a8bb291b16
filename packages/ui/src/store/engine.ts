import type { ResponseOf } from '@berth/api-spec';
import { jsonLines, Live, type Stream } from '../api/live.ts';
import { call, EngineError, pathWith } from '../api/requests.ts';
import { Value } from '../base/value.ts';
import { type EngineEvent, noChanges, noteEvent } from './changes.ts';
import { justCame } from './clock.ts';
import { EventLog } from './events.ts';

export type Container = ResponseOf<'ContainerList'>[number];
export type Image = ResponseOf<'ImageList'>[number];
export type Network = ResponseOf<'NetworkList'>[number];
export type Volume = NonNullable<ResponseOf<'VolumeList'>['Volumes']>[number];

/** Lists that are asked for when a view shows them. */
type Part = 'images' | 'networks' | 'volumes';

/** Milliseconds in which events are gathered before what they change is asked for. */
const GATHER = 40;

/** Containers that are asked for by their ids; for more the whole list is. */
const MOST_ASKED = 50;

/** The state of the engine, kept true by its events. Nothing is asked for twice without one. */
export class Engine {
  readonly live = new Live();
  /** By id; undefined until the first answer. */
  readonly containers = new Value<ReadonlyMap<string, Container> | undefined>(undefined);
  readonly images = new Value<readonly Image[] | undefined>(undefined);
  readonly networks = new Value<readonly Network[] | undefined>(undefined);
  readonly volumes = new Value<readonly Volume[] | undefined>(undefined);
  readonly events = new EventLog();
  /** Why the page shows what was, not what is; undefined while it follows the engine. */
  readonly trouble = new Value<string | undefined>(undefined);
  private changes = noChanges();
  private gathering = false;
  private refreshing: Promise<void> = Promise.resolve();
  private patience = 500;

  /** Follows the engine for as long as the page is there. */
  start(): void {
    const query = { since: this.events.since };
    this.events.resume();
    this.live.open(
      { method: 'GET', path: pathWith('/events', query) },
      {
        begin: () => {
          this.patience = 500;
          this.trouble.set(undefined);
          // Events that came before are in this answer, those that come after it change it.
          this.inTurn(() => this.loadContainers());
          for (const part of this.wanted) void this.load(part);
        },
        data: jsonLines((event) => this.happened(event as EngineEvent)),
        end: (error) => {
          this.trouble.set(error?.message ?? 'the engine ended');
          setTimeout(() => this.start(), this.patience);
          this.patience = Math.min(10_000, this.patience * 2);
        },
      },
    );
  }

  private earlier: Stream | undefined;
  private readonly wanted = new Set<Part>();
  private readonly loading = new Map<Part, { again: boolean }>();

  /** Loads a list that a view shows, and keeps it true from now on. */
  want(part: Part): void {
    if (this.wanted.has(part)) return;
    this.wanted.add(part);
    void this.load(part);
  }

  private happened(event: EngineEvent): void {
    this.events.add(event);
    noteEvent(this.changes, event);
    if (this.gathering) return;
    this.gathering = true;
    setTimeout(() => {
      this.gathering = false;
      const { containers, removed, ...parts } = this.changes;
      this.changes = noChanges();
      this.inTurn(() => this.refresh(containers, removed));
      for (const part of this.wanted) if (parts[part]) void this.load(part);
    }, GATHER);
  }

  /** Asks for containers one after the other: an answer shall not replace a newer one. */
  private inTurn(ask: () => Promise<void>): void {
    this.refreshing = this.refreshing.then(ask).catch((error: unknown) => this.trouble.set(String(error)));
  }

  /** Asks once for the events that the engine remembers from before the page was there. */
  askEarlier(): void {
    if (this.earlier) return;
    const before: EngineEvent[] = [];
    // To the millisecond: what happened in this second before the page followed would be in neither answer.
    const query = { since: '0', until: (Date.now() / 1000).toFixed(3) };
    this.earlier = this.live.open(
      { method: 'GET', path: pathWith('/events', query) },
      {
        data: jsonLines((event) => before.push(event as EngineEvent)),
        end: (error) => {
          // Half an answer would be taken for all of it: the next view of events asks anew.
          if (error) this.earlier = undefined;
          else this.events.addEarlier(before);
        },
      },
    );
  }

  private async loadContainers(): Promise<void> {
    const list = await this.asked(call<'ContainerList'>('GET', '/containers/json', { query: { all: true } }));
    if (!list) return;
    justCame(list);
    this.containers.set(new Map(list.map((one) => [one.Id, one])));
  }

  private async refresh(changed: Set<string>, removed: Set<string>): Promise<void> {
    if (changed.size > MOST_ASKED) return this.loadContainers();
    const query = { all: true, filters: JSON.stringify({ id: [...changed] }) };
    const list =
      changed.size > 0 ? await this.asked(call<'ContainerList'>('GET', '/containers/json', { query })) : [];
    justCame(list ?? []);
    const known = new Map(this.containers.get());
    for (const id of removed) known.delete(id);
    const found = new Map((list ?? []).map((one) => [one.Id, one]));
    for (const id of changed) {
      const one = found.get(id);
      if (one) known.set(id, one);
      else if (list) known.delete(id);
    }
    this.containers.set(known);
  }

  private async load(part: Part): Promise<void> {
    const under = this.loading.get(part);
    // What changed while an answer is on its way may not be in it.
    if (under) {
      under.again = true;
      return;
    }
    const state = { again: true };
    this.loading.set(part, state);
    while (state.again) {
      state.again = false;
      await this.loadOnce(part).catch((error: unknown) => this.trouble.set(String(error)));
    }
    this.loading.delete(part);
  }

  private async loadOnce(part: Part): Promise<void> {
    if (part === 'images') {
      const list = await this.asked(
        call<'ImageList'>('GET', '/images/json', { query: { 'shared-size': true } }),
      );
      if (list) this.images.set(list);
    } else if (part === 'networks') {
      const list = await this.asked(call<'NetworkList'>('GET', '/networks', {}));
      if (list) this.networks.set(list);
    } else {
      const answer = await this.asked(call<'VolumeList'>('GET', '/volumes', {}));
      if (answer) this.volumes.set(answer.Volumes ?? []);
    }
  }

  /** An answer; undefined, and the page says why, where there is none. */
  private async asked<T>(answer: Promise<T>): Promise<T | undefined> {
    try {
      return await answer;
    } catch (error) {
      this.trouble.set(error instanceof EngineError ? error.message : String(error));
      return undefined;
    }
  }
}

/** The engine of this page. */
export const engine = new Engine();
