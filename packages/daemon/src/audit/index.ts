import type { Audit } from './api.ts';
import type { AuditRooms } from './rooms.ts';

export type * from './api.ts';

/** Opens the room; the rules are loaded when they are asked for. */
export function openAudit(rooms: AuditRooms): Audit {
  const audit = async () => new (await import('./audit.ts')).Auditor(rooms);
  return {
    container: async (reference) => (await audit()).container(reference),
    image: async (reference, options) => (await audit()).image(reference, options?.signal),
    network: async (reference) => (await audit()).network(reference),
    host: async () => (await audit()).host(),
    rules: async () => (await import('./table.ts')).allRules(),
  };
}
