import type { IdMapping } from './oci/config.ts';
import type { Remapping } from './userns.ts';

/** A range of ids of the files of a bind, and what they are shown as. */
interface FileRange {
  file: number;
  shown: number;
  size: number;
  /** `shown` are ids as the container sees them, not the host's. */
  relative: boolean;
}

/** The ids of a bind's files. A kind without ranges is as the container's user namespace has it. */
export interface IdMap {
  uids?: FileRange[];
  gids?: FileRange[];
}

/** Files have the ids of the container's user namespace: its root's file is that of user 0. */
export const AS_CONTAINER = 'container';

/** user_namespaces(7): a map has no more lines. */
const MAX_RANGES = 340;
/** One more than the largest id; -1 is none. */
const ID_END = 2 ** 32 - 1;

/**
 * Reads `container`, or `uids=FILE-HOST-SIZE[#...];gids=...`; with @ in front of a range its second number is an id in the container.
 * @throws Error with the reason
 */
export function parseIdMap(text: string): IdMap {
  if (text === AS_CONTAINER) return {};
  const map: IdMap = {};
  for (const part of text.split(';')) {
    const [, kind, list] = /^(uids|gids)=(.*)$/s.exec(part) ?? [];
    if ((kind !== 'uids' && kind !== 'gids') || list === undefined)
      throw new Error(
        `${JSON.stringify(part.slice(0, 80))} is not uids=FILE-HOST-SIZE[#...] or gids=..., as in uids=0-1000-1;gids=0-1000-1`,
      );
    if (map[kind]) throw new Error(`${kind} are named twice`);
    map[kind] = parseRanges(list, kind);
  }
  return map;
}

function parseRanges(list: string, kind: string): FileRange[] {
  const texts = list.split('#', MAX_RANGES + 1);
  if (texts.length > MAX_RANGES) throw new Error(`${kind} has more than ${MAX_RANGES} ranges`);
  const ranges = texts.map((text) => {
    const found = /^(@?)(\d{1,10})-(\d{1,10})-(\d{1,10})$/.exec(text);
    if (!found)
      throw new Error(`${kind}: ${JSON.stringify(text.slice(0, 80))} is no range FILE-HOST-SIZE of numbers`);
    const [file = 0, shown = 0, size = 0] = found.slice(2).map(Number);
    if (size === 0) throw new Error(`${kind}: the range ${text} is empty`);
    if (Math.max(file, shown) + size > ID_END)
      throw new Error(`${kind}: the range ${text} reaches beyond ${ID_END - 1}, the largest id`);
    return { file, shown, size, relative: found[1] === '@' };
  });
  for (const side of ['file', 'shown'] as const) {
    const sorted = ranges.toSorted((a, b) => a[side] - b[side]);
    const double = sorted.find(
      (range, index) => index > 0 && sorted[index - 1]![side] + sorted[index - 1]!.size > range[side],
    );
    // Ids of the host and of the container are compared when the container is known: the kernel does.
    if (double && (side === 'file' || ranges.every(({ relative }) => relative === double.relative)))
      throw new Error(`${kind}: ranges overlap at ${double[side]}`);
  }
  return ranges;
}

/**
 * The word of a launch's `mount` record (native/c/container/spec/spec.h) for a bind's map.
 * @param recursive it reaches what is mounted below the source
 * @param remapping of the container's user namespace, if it has one
 */
export function idMapWord(text: string, recursive: boolean, remapping: Remapping | undefined): string {
  const word = recursive ? 'ridmap' : 'idmap';
  if (text === AS_CONTAINER) return word;
  const { uids, gids } = parseIdMap(text);
  const list = (ranges: FileRange[] | undefined, own: IdMapping[] | undefined) =>
    hostRanges(ranges, own ?? [{ containerID: 0, hostID: 0, size: ID_END }])
      .map(([file, host, size]) => `${file}-${host}-${size}`)
      .join('#');
  return `${word}=uids=${list(uids, remapping?.uids)};gids=${list(gids, remapping?.gids)}`;
}

/** Ranges with ids of the host. A relative one is cut where the container's own ranges are; ids that it has not are left out. */
function hostRanges(
  ranges: FileRange[] | undefined,
  own: IdMapping[],
): Array<[file: number, host: number, size: number]> {
  if (!ranges) return own.map(({ containerID, hostID, size }) => [containerID, hostID, size]);
  return ranges.flatMap(({ file, shown, size, relative }) => {
    if (!relative) return [[file, shown, size]];
    return own.flatMap(({ containerID, hostID, size: length }): Array<[number, number, number]> => {
      const first = Math.max(shown, containerID);
      const end = Math.min(shown + size, containerID + length);
      return first < end ? [[file + first - shown, hostID + first - containerID, end - first]] : [];
    });
  });
}
