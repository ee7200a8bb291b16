import type { ImageConfig, Images } from './api.ts';
import type { ImagesContext } from './context.ts';
import { parsePullName } from './names.ts';
import { credentialsHost, familiarString, fullName, parseReference, withDefaultTag } from './references.ts';
import type { Registry } from './registry/index.ts';

/** `Images.base`: pulls the image that a build begins with, and holds its layers. */
export async function pullBase(
  { retention }: ImagesContext,
  registry: Registry,
  options: Parameters<Images['base']>[0],
): ReturnType<Images['base']> {
  const reference = withDefaultTag(parseReference(options.reference));
  const auth = await options.auth(credentialsHost(reference));
  let config: ImageConfig | undefined;
  let digest = '';
  let release: (() => Promise<void>) | undefined;
  await registry.pull({
    ...parsePullName(fullName(reference)),
    ...(options.platform ? { platform: options.platform } : {}),
    ...(auth ? { auth } : {}),
    signal: options.signal,
    onProgress: options.onProgress,
    ...(options.configOnly && { configOnly: true }),
    onBase: (found, from) => {
      config = found;
      digest = from;
      release = retention.lease(options.configOnly ? [] : found.rootfs.diff_ids);
    },
  });
  return { config: config!, name: familiarString(reference), digest, release: release! };
}
