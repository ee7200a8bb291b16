import type { Cli } from '../cli/cli.ts';
import { registryAuth } from '../config/credentials.ts';
import { familiarName, type Reference } from '../parse/reference.ts';
import { showProgressOn } from '../terminal/progress.ts';
import type { Api } from '../transport/api.ts';
import { platformJson, platformVersions } from './platforms.ts';

/** Pushes an image through the daemon and shows how it goes. `tag`: '' for all. */
export async function pushImage(
  cli: Cli,
  api: Api,
  image: Reference,
  options: {
    tag: string | undefined;
    platform?: string;
    where: 'out' | 'err' | 'nowhere';
    signal: AbortSignal;
  },
): Promise<void> {
  const { tag, platform, where, signal } = options;
  const answer = await api.call<'ImagePush'>('POST', `/images/${familiarName(image)}/push`, {
    query: { tag, platform: platform ? platformJson(platform) : undefined },
    headers: { 'X-Registry-Auth': await registryAuth(cli.config(), image.domain) },
    signal,
    ...(platform && { version: platformVersions.push }),
  });
  await showProgressOn(cli, answer.body, where);
}
