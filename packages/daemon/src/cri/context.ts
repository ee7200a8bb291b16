import { notFound } from '../base/errors.ts';
import type { ContainerSnapshot } from '../containers/api.ts';
import type { PodRecord, Pods } from '../pods/api.ts';
import type { Services } from '../services.ts';
import { needed } from './checks.ts';
import type { Told } from './translate/container.ts';

/** The rooms of the daemon with pods among them. */
export type Rooms = Services & { pods: Pods };

/** A container of a pod. */
export interface Member {
  snapshot: ContainerSnapshot;
  told: Told;
  pod: string;
}

/** A container as one of a pod's; undefined for one that is none. */
export function member(snapshot: ContainerSnapshot | undefined): Member | undefined {
  const own = snapshot?.record.pod;
  return own && { snapshot: snapshot!, told: own.told as Told, pod: own.id };
}

/** All containers of pods. */
export function members({ containers }: Rooms, pod?: string): Member[] {
  return containers
    .all()
    .flatMap((snapshot) => member(snapshot) ?? [])
    .filter((one) => pod === undefined || one.pod === pod);
}

/** @throws invalid-parameter, not-found naming the field. */
export function findMember({ containers }: Rooms, id: unknown, field = 'container_id'): Member {
  const reference = needed(id, field, 256);
  const found = /^[0-9a-f]+$/.test(reference) ? member(containers.find(reference)) : undefined;
  if (!found) throw notFound(`${field}: there is no container ${JSON.stringify(reference)} of a pod`);
  return found;
}

/** @throws invalid-parameter, not-found naming the field. */
export function findPod({ pods }: Rooms, id: unknown, field = 'pod_sandbox_id'): PodRecord {
  const reference = needed(id, field, 256);
  const found = pods.find(reference);
  if (!found) throw notFound(`${field}: there is no pod ${JSON.stringify(reference)}`);
  return found;
}

/** Whether labels have all that a selector asks for. */
export function selected(labels: Record<string, string>, selector: Record<string, string>): boolean {
  return Object.entries(selector).every(([key, value]) => labels[key] === value);
}
