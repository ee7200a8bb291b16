import type { ImageExplanation } from './api.ts';
import { layerStack } from './facts/root.ts';
import type { ExplainRooms } from './rooms.ts';

/** Go's names of processors by Node's. */
const MACHINE: Record<string, string[]> = {
  x64: ['amd64', '386'],
  arm64: ['arm64', 'arm'],
  riscv64: ['riscv64'],
  ppc64: ['ppc64le'],
  s390x: ['s390x'],
};

/** Whether this machine's processor runs programs for an architecture. */
export const runsHere = (architecture: string): boolean =>
  architecture === '' || (MACHINE[process.arch] ?? [process.arch]).includes(architecture);

/** The facts of an image: its parts, and what its containers would get. */
export async function explainImage(
  { images, layers, containers }: ExplainRooms,
  reference: string,
): Promise<ImageExplanation> {
  const image = images.resolve(reference);
  const { config } = image;
  const run = config.config ?? {};
  const analysis = await images.analyze(image.id, { top: 1 }).catch(() => undefined);
  return {
    Id: image.id,
    Names: image.repoTags,
    Digests: image.repoDigests,
    Architecture: config.architecture + (config.variant ? `/${config.variant}` : ''),
    Os: config.os,
    Created: image.created,
    Size: image.size,
    Layers: layerStack(config, (diffId) => layers.get(diffId)?.size).map((layer, index) => {
      const found = analysis?.Layers[index];
      if (!found) return layer;
      return {
        ...layer,
        Files: found.Added.Files + found.Changed.Files,
        Hidden: found.Hidden.Files,
        Wasted: found.Wasted.Size,
      };
    }),
    User: run.User ?? '',
    Entrypoint: run.Entrypoint ?? [],
    Cmd: run.Cmd ?? [],
    WorkingDir: run.WorkingDir ?? '',
    Ports: Object.keys(run.ExposedPorts ?? {}),
    Volumes: Object.keys(run.Volumes ?? {}),
    Healthcheck: run.Healthcheck?.Test ?? [],
    Containers: containers
      .all()
      .filter(({ record }) => record.imageId === image.id)
      .map(({ record }) => record.name),
    Runs: config.os === 'linux' && runsHere(config.architecture),
  };
}
