import { GrpcError, type Sent } from '@berth/grpc';
import { attestationsOf } from './attributes.ts';
import { exportsOf } from './cache/exports.ts';
import { importsOf } from './cache/imports.ts';
import { checkExporters } from './exporters/index.ts';
import type { Job } from './job.ts';

/**
 * Has a job take over what a request asks for. Returns the exporters that its result is for.
 * @throws GrpcError or BerthError for what cannot be had, before anything is done.
 */
export function accept(
  job: Job,
  request: Sent<'SolveRequest'>,
  grantable: ReadonlySet<string>,
): ReadonlyArray<Sent<'Exporter'>> {
  if (request.Definition?.def?.length)
    throw new GrpcError(12, 'solving an LLB definition is not supported: give a Dockerfile');
  const entitlements = new Set<string>(request.Entitlements ?? []);
  job.entitlements = entitlements;
  for (const entitlement of entitlements)
    if (!grantable.has(entitlement))
      throw new GrpcError(
        2,
        `granting entitlement ${entitlement} is not allowed by build daemon configuration`,
      );
  const attributes = request.FrontendAttrs ?? {};
  job.attributes = attributes;
  attestationsOf(attributes);
  job.imports = importsOf(request.Cache?.Imports ?? [], attributes);
  job.exports = exportsOf(request.Cache?.Exports ?? [], attributes);
  const exporters: ReadonlyArray<Sent<'Exporter'>> = request.Exporters?.length
    ? request.Exporters
    : request.ExporterDeprecated
      ? [{ Type: request.ExporterDeprecated, Attrs: request.ExporterAttrsDeprecated }]
      : [];
  checkExporters(exporters);
  return exporters;
}
