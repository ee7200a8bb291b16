import { shortId } from '../../base/text.ts';
import type { Container, Image } from '../../store/engine.ts';

/** Names with tags; an image that lost its own, or was built without, has none. */
export const tagsOf = ({ RepoTags }: Image): string[] =>
  (RepoTags ?? []).filter((tag) => tag !== '<none>:<none>');

/** The name of an image where one is wanted. */
export const nameOf = (image: Image): string => tagsOf(image)[0] ?? shortId(image.Id);

/** The image that an address names by its id, the beginning of that, or a tag. */
export const findImage = (images: readonly Image[], wanted: string): Image | undefined =>
  images.find(
    (one) =>
      one.Id === wanted ||
      tagsOf(one).includes(wanted) ||
      (/^[0-9a-f]{4,}$/.test(wanted) && one.Id.startsWith(`sha256:${wanted}`)),
  );

/** The containers of an image, of all that there are. */
export const containersOf = (
  image: Image,
  containers: ReadonlyMap<string, Container> | undefined,
): Container[] => [...(containers?.values() ?? [])].filter(({ ImageID }) => ImageID === image.Id);
