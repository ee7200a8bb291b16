import type { Audit } from './audit/api.ts';
import type { Builder } from './builder/api.ts';
import type { Containers, RoomsBelow } from './containers/api.ts';
import type { Explain } from './explain/api.ts';
import type { Metrics } from './metrics/api.ts';

/** The rooms of the daemon, for those on top of them. `openRooms` makes it. Types only: see .dependency-cruiser.mjs. */
export interface Services extends RoomsBelow {
  containers: Containers;
  builder: Builder;
  explain: Explain;
  audit: Audit;
  metrics: Metrics;
  /** Stops what runs in the background and closes the store; containers go on. */
  close(): void;
}
