import type { ResponseOf } from '@berth/api-spec';
import { messageOf } from '../base/errors.ts';
import type { Api } from '../transport/api.ts';

/**
 * Asks for the exit code of a container. Resolves as soon as the daemon listens; `code` is the answer, 125 when waiting
 * itself fails. It is a member, as an async function that returned the promise would wait for it.
 */
export async function waitForExit(
  api: Api,
  id: string,
  condition: 'next-exit' | 'removed' | 'not-running',
  warn: (text: string) => void,
): Promise<{ code: Promise<number> }> {
  const answer = await api.call<'ContainerWait'>('POST', `/containers/${id}/wait`, { query: { condition } });
  const code = answer.body.text().then(
    (text) => {
      const { StatusCode, Error: failure } = JSON.parse(text) as ResponseOf<'ContainerWait'>;
      if (!failure) return StatusCode;
      warn(`Error waiting for container: ${failure.Message}\n`);
      return 125;
    },
    (error: unknown) => {
      warn(`error waiting for container: ${messageOf(error)}\n`);
      return 125;
    },
  );
  return { code };
}
