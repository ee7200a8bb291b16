import { messageOf } from '../../cli/errors.ts';
import type { Api } from '../../transport/api.ts';

interface WaitAnswer {
  StatusCode: number;
  Error?: { Message: string } | null;
}

/**
 * Asks for the exit code of a container. Resolves as soon as the daemon listens, to a promise of the code; 125 when
 * waiting itself fails.
 */
export async function waitForExit(
  api: Api,
  id: string,
  condition: 'next-exit' | 'removed' | 'not-running',
  warn: (text: string) => void,
): Promise<Promise<number>> {
  const answer = await api.call('POST', `/containers/${id}/wait`, { query: { condition } });
  return answer.body.text().then(
    (text) => {
      const { StatusCode, Error: failure } = JSON.parse(text) as WaitAnswer;
      if (!failure) return StatusCode;
      warn(`Error waiting for container: ${failure.Message}\n`);
      return 125;
    },
    (error: unknown) => {
      warn(`error waiting for container: ${messageOf(error)}\n`);
      return 125;
    },
  );
}
