import type { Explain } from '../explain/api.ts';
import type { ExplainRooms } from '../explain/index.ts';

/** The rooms that an audit reads from. */
export interface AuditRooms extends ExplainRooms {
  explain: Explain;
}
