import { BerthError } from '../../../base/errors.ts';
import type { Fetch } from '../../../base/fetch.ts';
import type { Session } from '../session/session.ts';
import type { CacheStore } from './types.ts';

/** Opens a place for cached steps. @throws unsupported for a kind that is not known; invalid-parameter where it lacks a setting. */
export async function openStore(
  type: string,
  attributes: Record<string, string>,
  session: Session,
  fetch: Fetch,
): Promise<CacheStore> {
  if (type === 'local') return (await import('./local.ts')).localStore(session, attributes);
  if (type === 'gha') return (await import('./gha.ts')).actionsStore(attributes, fetch);
  throw new BerthError('unsupported', `unknown cache importer: ${type}`);
}
