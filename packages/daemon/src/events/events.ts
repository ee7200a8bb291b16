import { count } from '../base/meters.ts';
import { nowNanos } from '../base/time.ts';
import type { EngineEvent, Events } from './api.ts';

/** Events kept for `since`, as many as dockerd keeps. */
const KEPT = 256;

/** The event bus: in memory only, as the API promises no more. */
export function openEvents(): Events {
  const kept: EngineEvent[] = [];
  const listeners = new Set<(event: EngineEvent) => void>();
  let last = 0;

  return {
    emit(type, action, id, attributes = {}) {
      // A double holds nanoseconds since 1970 in steps of 256: later events never share one's stamp.
      last = Math.max(Number(nowNanos()), last + 512);
      const event: EngineEvent = {
        Type: type,
        Action: action,
        Actor: { ID: id, Attributes: attributes },
        scope: 'local',
        time: Math.floor(last / 1e9),
        timeNano: last,
      };
      count('events');
      kept.push(event);
      if (kept.length > KEPT) kept.shift();
      for (const listener of listeners) {
        try {
          listener(event);
        } catch {
          // A listener that fails is its owner's affair; what happened has happened.
        }
      }
    },
    subscribe(listener) {
      // Wrapped, so that the same function may be subscribed twice.
      const own = (event: EngineEvent) => listener(event);
      listeners.add(own);
      return () => listeners.delete(own);
    },
    history() {
      return kept;
    },
    listeners() {
      return listeners.size;
    },
  };
}
