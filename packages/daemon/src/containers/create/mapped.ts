import { type BerthError, invalidParameter } from '../../base/errors.ts';
import { AS_CONTAINER, parseIdMap } from '../../runtime/index.ts';
import type { MountPoint } from '../model/types.ts';

/** The map that an option of a bind asks for, `idmap` or `idmap=MAP`; undefined: it is another option. */
export function idMapOption(word: string): string | undefined {
  if (word === 'idmap') return AS_CONTAINER;
  return word.startsWith('idmap=') ? word.slice('idmap='.length) : undefined;
}

/** Checks a bind's map of ids. @throws what `refuse` makes of the reason */
export function checkedIdMap(text: string, refuse: (why: string) => BerthError): string {
  try {
    parseIdMap(text);
  } catch (error) {
    throw refuse(`field BindOptions.IDMap: ${(error as Error).message}`);
  }
  return text;
}

/** @throws invalid-parameter for a bind whose ids are to be those of a user namespace that the container has not. */
export function checkIdMapped(points: readonly MountPoint[], remapped: boolean): void {
  const point = remapped ? undefined : points.find(({ idMap }) => idMap === AS_CONTAINER);
  if (point)
    throw invalidParameter(
      `invalid mount config for type "bind": field BindOptions.IDMap (idmap) of ${point.Destination}: the container has no user namespace whose ids the files could have: name them (uids=0-1000-1;gids=0-1000-1), or have the daemon remap users (userns-remap)`,
    );
}
