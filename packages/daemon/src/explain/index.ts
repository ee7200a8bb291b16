import type { Explain } from './api.ts';
import type { ExplainRooms } from './rooms.ts';

export type * from './api.ts';
export type { ExplainRooms };

/** Opens the room; its parts are loaded when they are asked. */
export function openExplain(rooms: ExplainRooms): Explain {
  return {
    container: async (reference) => (await import('./container.ts')).explainContainer(rooms, reference),
    image: async (reference) => (await import('./image.ts')).explainImage(rooms, reference),
    network: async (reference) => (await import('./network.ts')).explainNetwork(rooms, reference),
    why: async (reference, options) => (await import('./why/index.ts')).why(rooms, reference, options),
  };
}
