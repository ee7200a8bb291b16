import { statfs } from 'node:fs/promises';
import { GrpcError } from '@berth/grpc';
import { BerthError, isKind } from '../../base/errors.ts';
import type { Image, RegistryAuth } from '../../images/api.ts';
import { besideImage, message, needed, ofField, refuse, text } from '../checks.ts';
import type { Rooms } from '../context.ts';
import { code } from '../errors.ts';
import type { ImageSpec, Message } from '../messages.ts';
import { handlerNames } from '../runtime/handlers.ts';

const NAME_MAX = 4096;

/** An image's name. All runtimes run the same images: one that is named beside it need only be there. */
function name(rooms: Rooms, spec: unknown): string {
  const given = message(spec as ImageSpec | null, 'image');
  const { image, runtime_handler } = given;
  besideImage(given, 'image');
  if (!handlerNames(rooms).includes(runtime_handler))
    throw refuse('image.runtime_handler', `there is no runtime ${JSON.stringify(runtime_handler)}`);
  return needed(image, 'image.image', NAME_MAX);
}

/** Image, as lists and statuses have it. */
function shown(image: Image, annotations: Record<string, string> = {}): Message {
  const user = image.config.config?.User ?? '';
  const [who = ''] = user.split(':');
  const number = /^\d+$/.test(who);
  return {
    id: image.id,
    repo_tags: image.repoTags,
    repo_digests: image.repoDigests,
    size: image.size,
    ...(number && { uid: { value: Number(who) } }),
    username: number ? '' : who,
    spec: { image: image.id, annotations },
    pinned: false,
  };
}

/** An image that a field names, or none. @throws invalid-parameter for a text that is no name of one */
function find({ images }: Rooms, reference: string, field = 'image.image'): Image | undefined {
  try {
    return ofField(field, () => images.resolve(reference));
  } catch (error) {
    if (isKind(error, 'not-found')) return undefined;
    throw error;
  }
}

/** Answers ListImages: all images, or the one that the filter names. @throws invalid-parameter */
export async function listImages(rooms: Rooms, request: Message): Promise<Message> {
  const filter = (request['filter'] as Message | null)?.['image'] as ImageSpec | null | undefined;
  if (filter) besideImage(filter, 'filter.image');
  if (filter?.image) {
    const field = 'filter.image.image';
    const found = find(rooms, text(filter.image, field, NAME_MAX), field);
    return { images: found ? [shown(found)] : [] };
  }
  return { images: rooms.images.list().map((image) => shown(image)) };
}

/** Answers ImageStatus; the answer is empty for an image that is not here, as CRI wants it. @throws invalid-parameter */
export async function imageStatus(rooms: Rooms, request: Message): Promise<Message> {
  const found = find(rooms, name(rooms, request['image']));
  if (!found) return {};
  return {
    image: shown(found),
    info: request['verbose'] === true ? { info: JSON.stringify({ imageSpec: found.config }) } : {},
  };
}

/**
 * Answers PullImage with the image's id when the pull is complete; `signal` ends it early.
 * @throws GrpcError of the class by which a kubelet tells failed pulls apart (`pullError`); invalid-parameter for credentials.
 */
export async function pullImage(rooms: Rooms, request: Message, signal: AbortSignal): Promise<Message> {
  const reference = name(rooms, request['image']);
  const auth = credentials(request['auth'] as Message | null);
  try {
    await rooms.images.pull({
      name: reference,
      auth,
      signal,
      onProgress: () => undefined,
    });
  } catch (error) {
    if (error instanceof BerthError) throw pullError(error, reference);
    throw error;
  }
  return { image_ref: rooms.images.resolve(reference).id };
}

/** The classes of a failed pull that a kubelet tells apart. */
function pullError(error: BerthError, reference: string): GrpcError {
  const said = `failed to pull ${reference}: ${error.message}`;
  const kind = refusal(error) ?? error.kind;
  if (kind === 'not-found') return new GrpcError(code.notFound, said);
  if (kind === 'unauthorized') return new GrpcError(code.unauthenticated, said);
  if (kind === 'forbidden') return new GrpcError(code.permissionDenied, said);
  if (kind === 'invalid-parameter') return new GrpcError(code.invalidArgument, `image.image: ${said}`);
  // By this word a kubelet shows that the registry is the matter, not the image.
  const unreachable =
    kind === 'unavailable' ||
    /dial tcp|connection refused|no such host|timeout|HTTP status: 50[234]/i.test(said);
  return new GrpcError(code.unknown, unreachable ? `RegistryUnavailable: ${said}` : said);
}

/** A registry's refusal of credentials, which clients of Docker's API are told of as a failure of the daemon or a missing image. */
function refusal(error: BerthError): 'unauthorized' | 'forbidden' | undefined {
  for (let one: unknown = error; one instanceof BerthError; one = one.cause) {
    const { status } = one as { status?: unknown };
    if (one.kind === 'forbidden' || status === 403) return 'forbidden';
    if (one.kind === 'unauthorized' || status === 401) return 'unauthorized';
  }
  return undefined;
}

function credentials(auth: Message | null): RegistryAuth | undefined {
  if (!auth) return undefined;
  const member = (field: string) => text(auth[field], `auth.${field}`, 64 * 1024);
  let username = member('username');
  let password = member('password');
  const both = member('auth');
  if (both && !username) {
    const bytes = Buffer.from(both, 'base64');
    const decoded = bytes.toString('utf8', 0, bytes.findLastIndex((byte) => byte !== 0) + 1);
    const colon = decoded.indexOf(':');
    if (colon < 0) throw refuse('auth.auth', 'it is not the base64 of USER:PASSWORD');
    username = decoded.slice(0, colon);
    password = decoded.slice(colon + 1);
  }
  const given: RegistryAuth = {
    ...(username && { username, password }),
    ...(member('server_address') && { serveraddress: member('server_address') }),
    ...(member('identity_token') && { identitytoken: member('identity_token') }),
    ...(member('registry_token') && { registrytoken: member('registry_token') }),
  };
  return Object.keys(given).length > 0 ? given : undefined;
}

/**
 * Answers RemoveImage: the image goes with all its names. One that is not here is removed already (CRI: idempotent).
 * @throws conflict while a running container uses it; invalid-parameter
 */
export async function removeImage(rooms: Rooms, request: Message): Promise<Message> {
  const reference = name(rooms, request['image']);
  const found = find(rooms, reference);
  if (!found) return {};
  // All names of it go, as the client means the image.
  try {
    await rooms.images.remove(found.id, { force: true, noprune: false });
  } catch (error) {
    if (!isKind(error, 'not-found')) throw error;
  }
  return {};
}

/**
 * Answers ImageFsInfo: bytes of all layers, and used inodes of the file system that the data root is on. Images and containers
 * share it.
 */
export async function imageFsInfo(rooms: Rooms): Promise<Message> {
  const { dataRoot } = rooms.settings;
  const file = await statfs(dataRoot);
  const { layersSize } = rooms.images.usage();
  const usage = {
    timestamp: `${BigInt(Date.now()) * 1_000_000n}`,
    fs_id: { mountpoint: dataRoot },
    used_bytes: { value: layersSize },
    inodes_used: { value: file.files - file.ffree },
  };
  return { image_filesystems: [usage], container_filesystems: [usage] };
}
