import { humanDuration } from '@berth/templates/duration.ts';
import { NEVER, nowNanos, parseRfc3339 } from '../../base/time.ts';
import type { Health, LifeState } from './types.ts';

const since = (time: string, now: bigint) => humanDuration(Number(now - (parseRfc3339(time) ?? now)) / 1e9);

/** The line of `docker ps`: `Up 2 minutes (healthy)`, `Exited (0) 3 seconds ago`. */
export function statusText(state: LifeState, health: Health | undefined, now = nowNanos()): string {
  switch (state.status) {
    case 'running': {
      const up = `Up ${since(state.startedAt, now)}`;
      if (!health) return up;
      return `${up} (${health.Status === 'starting' ? 'health: starting' : health.Status})`;
    }
    case 'paused':
      return `Up ${since(state.startedAt, now)} (Paused)`;
    case 'restarting':
      return `Restarting (${state.exitCode}) ${since(state.finishedAt, now)} ago`;
    case 'removing':
      return 'Removal In Progress';
    case 'dead':
      return 'Dead';
    case 'created':
      return 'Created';
    case 'exited':
      return state.finishedAt === NEVER
        ? 'Created'
        : `Exited (${state.exitCode}) ${since(state.finishedAt, now)} ago`;
  }
}
