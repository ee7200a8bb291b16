import type { ImageInspect, ImageSummary } from '../../images/api.ts';
import type { ResponseOf } from '../api.ts';

/* The shape of an image for older clients: members that came later are left out, ones that went are put back. */

type Shape = Record<string, unknown>;

/** Versions in which a member appeared, changed or went. */
const NO_NONE_NAMES = 43;
const NO_VIRTUAL_SIZE = 44;
const NO_CONTAINER_CONFIG = 45;
const DESCRIPTOR = 48;
const IMAGE_CONFIG_ONLY = 50;
const COUNTED_CONTAINERS = 51;
const EMPTY_OMITTED = 52;
const NO_GRAPH_DRIVER = 52;
const LABELS_ALWAYS = 52;

/** Members that an image's Config had only because Docker shared the type with containers. */
const CONTAINER_ONLY = [
  'Hostname',
  'Domainname',
  'AttachStdin',
  'AttachStdout',
  'AttachStderr',
  'Tty',
  'OpenStdin',
  'StdinOnce',
  'Image',
  'NetworkDisabled',
  'MacAddress',
  'StopTimeout',
];

/** An entry of the list as `version` has it. */
export function imageSummaryFor(
  version: number,
  summary: ImageSummary,
  { counted = false } = {},
): ResponseOf<'ImageList'>[number] {
  const shaped: ResponseOf<'ImageList'>[number] = { ...summary };
  if (version < DESCRIPTOR) delete shaped.Descriptor;
  if (version < COUNTED_CONTAINERS && !counted) shaped.Containers = -1;
  if (version < NO_NONE_NAMES && summary.RepoTags.length === 0 && summary.RepoDigests.length === 0) {
    shaped.RepoTags = ['<none>:<none>'];
    shaped.RepoDigests = ['<none>@<none>'];
  }
  if (version < NO_VIRTUAL_SIZE) shaped.VirtualSize = summary.Size;
  if (version >= LABELS_ALWAYS) shaped.Labels ??= {};
  return shaped;
}

/** The inspected image as `version` has it. */
export function imageInspectFor(version: number, image: ImageInspect): ResponseOf<'ImageInspect'> {
  const { Container, ContainerConfig, ...rest } = image;
  const shaped: Shape = {};
  for (const [name, value] of Object.entries(rest)) {
    if (name === 'DockerVersion' && version < NO_CONTAINER_CONFIG) {
      if (Container !== '') shaped['Container'] = Container;
      shaped['ContainerConfig'] = ContainerConfig;
    }
    if (
      version >= EMPTY_OMITTED &&
      value === '' &&
      ['Parent', 'Comment', 'DockerVersion', 'Author'].includes(name)
    )
      continue;
    shaped[name] = value;
    if (name === 'Size' && version < NO_VIRTUAL_SIZE) shaped['VirtualSize'] = value;
  }
  if (version < DESCRIPTOR) delete shaped['Descriptor'];
  if (version >= NO_GRAPH_DRIVER) delete shaped['GraphDriver'];
  if (version < NO_VIRTUAL_SIZE) shaped['Created'] ??= '0001-01-01T00:00:00Z';
  if (version >= IMAGE_CONFIG_ONLY) shaped['Config'] = configFor(version, image.Config);
  // Its members come one by one, in the order of dockerd's.
  return shaped as ResponseOf<'ImageInspect'>;
}

function configFor(version: number, config: Shape): Shape {
  const omitted = (value: unknown) =>
    value === null ||
    value === '' ||
    value === undefined ||
    (typeof value === 'object' && Object.keys(value).length === 0);
  return Object.fromEntries(
    Object.entries(config).filter(
      ([name, value]) => !CONTAINER_ONLY.includes(name) && !(version >= EMPTY_OMITTED && omitted(value)),
    ),
  );
}
