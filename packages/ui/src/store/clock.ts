import { statusLater } from '../base/age.ts';
import { Value } from '../base/value.ts';

/** How often ages in words are looked at again, in milliseconds: their smallest steps are seconds, for a minute. */
const STEP = 5000;

/** A container, as a list tells it. */
interface Told {
  Status: string;
}

/** The time at which each answer about a container came, in milliseconds: its status tells an age as of then. */
const came = new WeakMap<Told, number>();

/** Notes that these answers have come now. */
export function justCame(containers: Iterable<Told>): void {
  for (const one of containers) came.set(one, Date.now());
}

/** Steps on while somebody sees the page. */
export const clock = new Value(0);
setInterval(() => {
  if (document.visibilityState === 'visible') clock.set(clock.get() + 1);
}, STEP);

/** The status of a container with the age that it has now. */
export const statusOf = (one: Told): string =>
  statusLater(one.Status, (Date.now() - (came.get(one) ?? Date.now())) / 1000);
