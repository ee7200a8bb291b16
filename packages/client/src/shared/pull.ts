import { CliError, Interrupted } from '../base/errors.ts';
import type { Cli } from '../cli/cli.ts';
import { registryAuth } from '../config/credentials.ts';
import { canonical, parseReference, type Reference, withDefaultTag } from '../parse/reference.ts';
import { showProgressOn } from '../terminal/progress.ts';
import type { Api } from '../transport/api.ts';

export interface PullOptions {
  platform?: string;
  /** The stream that progress is written to. */
  where: 'out' | 'err' | 'nowhere';
  /** All tags of the repository. */
  all?: boolean;
}

/** The image that a pull or push names; without a tag it is the default one, which is told, or all. */
export function namedImage(
  cli: Cli,
  name: string,
  { all, quiet }: { all: boolean; quiet: boolean },
): Reference {
  const image = parseReference(name);
  const bare = !image.tag && !image.digest;
  if (all && !bare) throw new CliError("tag can't be used with --all-tags/-a");
  if (all || !bare) return image;
  const tagged = withDefaultTag(image);
  if (!quiet) cli.print(`Using default tag: ${tagged.tag}\n`);
  return tagged;
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
    const answer = await api.call<'ImageCreate'>('POST', '/images/create', {
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
