import { BerthError, isKind } from '../../../base/errors.ts';
import type { Image, ImageConfig, Images } from '../../../images/api.ts';
import { detectedPlatform, fullReference } from '../../../images/index.ts';
import { hash } from '../hash.ts';
import type { Progress, Vertex } from '../progress/progress.ts';
import { sourceError } from '../progress/source-errors.ts';
import type { Session } from '../session/session.ts';
import type { Snapshot } from '../steps/snapshot.ts';

/** A reference of FROM, `COPY --from` or a mount, and the build that asks for it. */
export interface BaseRequest {
  reference: string;
  platform: string;
  resolveMode: string;
  /** The heading of the step in the progress. */
  label: string;
  session: Session;
  progress: Progress;
  signal: AbortSignal;
}

/** An image that a stage stands on or takes files from, its layers held for the build. */
export interface BaseImage {
  snapshot: Snapshot;
  config: ImageConfig;
  /** The reference in full. */
  name: string;
  digest: string;
  /** The image was here, and its registry was not asked. */
  local: boolean;
}

/**
 * Finds a base image: the local one where it may serve, else the one of its registry, without naming it here.
 * `lease` keeps layers, and `onEnd` has something done, until the build ends.
 */
export async function findBase(
  images: Images,
  request: BaseRequest,
  build: { lease: (diffIds: string[]) => void; onEnd: (release: () => Promise<void>) => void },
): Promise<BaseImage> {
  const { reference, progress } = request;
  const full = fullReference(reference);
  const internal = request.label === '[internal]';
  const title = `${request.label} load metadata for ${internal ? full : reference}`;
  const image = request.resolveMode === 'pull' ? undefined : localImage(images, request);
  if (image) {
    progress.vertex(title).start().done();
    build.lease(image.config.rootfs.diff_ids);
    return {
      snapshot: baseSnapshot(image.config),
      config: image.config,
      name: full,
      digest: digestIn(image.repoDigests, full) ?? images.manifest(image.id)?.digest ?? image.id,
      local: true,
    };
  }
  const pull = async (vertex: Vertex): Promise<BaseImage> => {
    const fetched = await images.base({ ...registryRequest(request), onProgress: showTransfers(vertex) });
    build.onEnd(fetched.release);
    const { config, digest } = fetched;
    return { snapshot: baseSnapshot(config), config, name: full, digest, local: false };
  };
  const failed = (error: Error) => Promise.reject(sourceError(error, full));
  return progress
    .step(title, (vertex) => pull(vertex).catch(failed))
    .catch((error: Error) => {
      throw new BerthError(
        'system',
        `${internal ? `${reference}: ` : ''}failed to resolve source metadata for ${full}: ${error.message}`,
        { cause: error },
      );
    });
}

/** Finds the configuration of a base image; its layers stay where they are. @throws as `findBase` */
export async function findBaseConfig(images: Images, request: BaseRequest): Promise<ImageConfig> {
  const full = fullReference(request.reference);
  return request.progress.step(`${request.label} load metadata for ${full}`, async () => {
    const image = localImage(images, request);
    if (image) return image.config;
    const fetched = await images
      .base({ ...registryRequest(request), onProgress: () => undefined, configOnly: true })
      .catch((error: Error) => Promise.reject(sourceError(error, full)));
    await fetched.release();
    return fetched.config;
  });
}

/** A local image of another platform is no base: its registry may have the right one. */
function localImage(images: Images, { reference, platform }: BaseRequest): Image | undefined {
  try {
    // The full name: a short one may be the beginning of another image's id.
    return images.resolve(fullReference(reference), { platform: platform || detectedPlatform() });
  } catch (error) {
    if (!isKind(error, 'not-found')) throw error;
    return undefined;
  }
}

function registryRequest({ reference, platform, session, signal }: BaseRequest) {
  return {
    reference,
    ...(platform ? { platform } : {}),
    auth: (host: string) => session.credentials(host),
    signal,
  };
}

/** Shows the layers on their way as statuses of a vertex. */
function showTransfers(vertex: Vertex) {
  return (line: Record<string, unknown>) => {
    const detail = line['progressDetail'] as { current?: number; total?: number } | undefined;
    if (typeof line['id'] === 'string' && detail?.current !== undefined)
      vertex.status(line['id'], detail.current, detail.total ?? 0);
  };
}

function baseSnapshot({ rootfs }: ImageConfig): Snapshot {
  return { diffIds: rootfs.diff_ids, key: hash(['base', rootfs.diff_ids]), lastEmpty: true, steps: [] };
}

/** The digest by which an image is known in the repository of a full name. */
function digestIn(repoDigests: readonly string[], full: string): string | undefined {
  const repository = full.replace(/:[^/:]*$/, '');
  return repoDigests.find((name) => fullReference(name).split('@')[0] === repository)?.split('@')[1];
}
