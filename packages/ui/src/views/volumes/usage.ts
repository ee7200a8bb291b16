import type { ResponseOf } from '@berth/api-spec';
import { useEffect, useState } from 'preact/hooks';
import { call } from '../../api/requests.ts';
import type { Container, Volume } from '../../store/engine.ts';

/** The containers that have a volume mounted, or would when they run. */
export const usersOf = (
  { Name }: Volume,
  containers: ReadonlyMap<string, Container> | undefined,
): Container[] =>
  [...(containers?.values() ?? [])].filter(({ Mounts }) => Mounts?.some((mount) => mount.Name === Name));

/** The members of an answer about disk usage that are read here; the API has two forms of it. */
interface Usage {
  Volumes?: Volume[] | null;
}

/**
 * Bytes of each volume, by name. The engine reads the folders of all volumes for it: it is asked when the list of volumes
 * changes, when `again` does, and not otherwise.
 */
export function useSizes(
  volumes: readonly Volume[] | undefined,
  again = 0,
): ReadonlyMap<string, number> | undefined {
  const [sizes, setSizes] = useState<ReadonlyMap<string, number> | undefined>(undefined);
  const names = volumes
    ?.map(({ Name }) => Name)
    .sort()
    .join('\n');
  useEffect(() => {
    if (names === undefined) return;
    const gone = new AbortController();
    call<'SystemDataUsage'>('GET', '/system/df', { query: { type: ['volume'] }, signal: gone.signal }).then(
      (usage: ResponseOf<'SystemDataUsage'>) => {
        const found = (usage as Usage).Volumes ?? [];
        setSizes(new Map(found.map(({ Name, UsageData }) => [Name, UsageData?.Size ?? 0])));
      },
      () => undefined,
    );
    return () => gone.abort();
  }, [names, again]);
  return sizes;
}
