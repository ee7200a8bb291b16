import { release, type as systemType } from 'node:os';
import type { Metrics, MetricsRooms } from './api.ts';

export * from './api.ts';

/** Opens the room: all is read when it is asked for. */
export function openMetrics(rooms: MetricsRooms): Metrics {
  return {
    async text() {
      const [{ exposition }, { engineFamilies }, { containerFamilies }] = await Promise.all([
        import('./text.ts'),
        import('./engine.ts'),
        import('./containers.ts'),
      ]);
      return exposition([
        ...engineFamilies(rooms, release(), systemType()),
        ...(await containerFamilies(rooms)),
      ]);
    },
  };
}
