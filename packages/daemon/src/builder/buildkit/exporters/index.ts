import type { Sent } from '@berth/grpc';
import { BerthError } from '../../../base/errors.ts';
import type { Images } from '../../../images/api.ts';
import type { Attested } from '../attestations/index.ts';
import type { Job } from '../job.ts';
import { exportArchive } from './archive.ts';
import { exportFolder, exportTar } from './files.ts';
import { exportImage } from './image.ts';
import type { Export } from './types.ts';

type Exporter = (wanted: Export) => Promise<Record<string, string>>;

const exporters: Record<string, Exporter> = {
  moby: exportImage,
  image: exportImage,
  oci: (wanted) => exportArchive(wanted, 'oci'),
  docker: (wanted) => exportArchive(wanted, 'docker'),
  tar: exportTar,
  local: exportFolder,
};

const unknown = (type: string | null | undefined) =>
  new BerthError('unsupported', `exporter ${JSON.stringify(type)} could not be found`);

/** Looks at what a client wants to have before it is made. @throws unsupported for an exporter that is not known. */
export function checkExporters(wanted: ReadonlyArray<Sent<'Exporter'>>): void {
  for (const { Type } of wanted) if (!Object.hasOwn(exporters, Type ?? '')) throw unknown(Type);
}

/** Gives a result to one exporter. Returns what is told of it. @throws unsupported for what it cannot do. */
export async function exportResult(
  images: Images,
  job: Job,
  result: Attested,
  { Type, Attrs }: Sent<'Exporter'>,
  index: number,
): Promise<Record<string, string>> {
  const exporter = exporters[Type ?? ''];
  if (!exporter) throw unknown(Type);
  return exporter({ images, job, result, attributes: Attrs ?? {}, index });
}
