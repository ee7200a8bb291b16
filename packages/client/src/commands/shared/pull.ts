import type { Cli } from '../../cli/cli.ts';
import { Interrupted } from '../../cli/errors.ts';
import { registryAuth } from '../../config/credentials.ts';
import { canonical, type Reference } from '../../parse/reference.ts';
import { showProgressOn } from '../../terminal/progress.ts';
import type { Api } from '../../transport/api.ts';

export interface PullOptions {
  platform?: string;
  /** Where the progress goes. */
  where: 'out' | 'err' | 'nowhere';
  /** All tags of the repository. */
  all?: boolean;
}

/**
 * Runs `work` with a signal that Ctrl-C aborts: the connection closes, at which the daemon stops its side. Throws
 * Interrupted then.
 */
export async function cancellable<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const abort = (): void => controller.abort(new Interrupted());
  process.on('SIGINT', abort);
  process.on('SIGTERM', abort);
  try {
    return await work(controller.signal);
  } catch (error) {
    if (controller.signal.aborted) throw controller.signal.reason;
    throw error;
  } finally {
    process.removeListener('SIGINT', abort);
    process.removeListener('SIGTERM', abort);
  }
}

/** Pulls an image through the daemon and shows how it goes. */
export async function pullImage(cli: Cli, api: Api, image: Reference, options: PullOptions): Promise<void> {
  await cancellable(async (signal) => {
    const answer = await api.call('POST', '/images/create', {
      query: {
        fromImage: canonical({ domain: image.domain, path: image.path }).replace(
          /^docker\.io\/library\//,
          '',
        ),
        tag: options.all ? undefined : (image.digest ?? image.tag),
        platform: options.platform || undefined,
      },
      headers: { 'X-Registry-Auth': await registryAuth(cli.config(), image.domain) },
      signal,
    });
    await showProgressOn(cli, answer.body, options.where);
  });
}
