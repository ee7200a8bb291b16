import { invalidParameter } from '../../../base/errors.ts';
import type { Attestation } from '../../../images/api.ts';
import { fullReference } from '../../../images/index.ts';
import type { PlatformResult } from '../dockerfile-build.ts';
import type { UsedBase } from '../references.ts';

/*
 * How an image was made (SLSA provenance), in the form that BuildKit gives it:
 * https://docs.docker.com/build/metadata/attestations/slsa-provenance/
 */

const BUILD_TYPE = 'https://mobyproject.org/buildkit@v1';
const METADATA = 'https://mobyproject.org/buildkit@v1#metadata';
const V02 = 'https://slsa.dev/provenance/v0.2';
const V1 = 'https://slsa.dev/provenance/v1';
const V1_BUILD_TYPE = 'https://github.com/moby/buildkit/blob/master/docs/attestations/slsa-definitions.md';

/** A build, as far as what is told of it goes. */
export interface Told {
  ref: string;
  started: Date;
  finished: Date;
  attributes: Record<string, string>;
  /** The Dockerfile's name and text. */
  source: { filename: string; text: string };
}

/** Attributes that are secret or only say where something comes from. */
const HIDDEN =
  /^(attest:|context(:|key$)|dockerfilekey$|cache-(from|imports)$|frontend\.caps$|multi-platform$)/;

/** A base image as a package URL with its digest. */
function material({ name, digest, platform }: UsedBase): { uri: string; digest: Record<string, string> } {
  const [, repository = name, tag = 'latest'] = /^(.*):([^:/]+)$/.exec(fullReference(name)) ?? [];
  const familiar = repository.replace(/^docker\.io\/(library\/)?/, '');
  const [algorithm = 'sha256', hex = ''] = digest.split(':');
  return {
    uri: `pkg:docker/${familiar}@${tag}?platform=${encodeURIComponent(platform)}`,
    digest: { [algorithm]: hex },
  };
}

function parameters(told: Told, all: boolean) {
  const args = Object.fromEntries(
    Object.entries(told.attributes)
      .filter(([name]) => !HIDDEN.test(name) && name !== 'filename')
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
  const local = !told.attributes['context'];
  return {
    frontend: 'dockerfile.v0',
    ...(all && Object.keys(args).length > 0 && { args }),
    ...(local && { locals: [{ name: 'context' }, { name: 'dockerfile' }] }),
  };
}

const secondsOf = (time: Date) => time.toISOString();

/** The provenance of one platform's image. `settings`: those of `--provenance`. @throws invalid-parameter for a wrong one. */
export function provenance(
  told: Told,
  { bases }: PlatformResult,
  hostPlatform: string,
  settings: Record<string, string>,
): Attestation {
  const { mode = 'min', version = 'v0.2', 'builder-id': builder = '' } = settings;
  if (mode !== 'min' && mode !== 'max')
    throw invalidParameter(`invalid provenance mode ${JSON.stringify(mode)}`);
  if (version !== 'v0.2' && version !== 'v1')
    throw invalidParameter(`invalid provenance version ${JSON.stringify(version)}: use v0.2 or v1`);
  const all = mode === 'max';
  const materials = bases.map(material);
  const context = told.attributes['context'] ?? '';
  const configSource = {
    ...(/^https?:\/\//.test(context) && !context.startsWith('http://buildkit-session/') && { uri: context }),
  };
  const entryPoint = told.source.filename;
  const hermetic = told.attributes['force-network-mode'] === 'none' && bases.length === 0;
  const detail = {
    ...(all && {
      source: {
        infos: [
          {
            filename: told.source.filename,
            language: 'Dockerfile',
            data: Buffer.from(told.source.text).toString('base64'),
          },
        ],
      },
    }),
  };
  const times = { started: secondsOf(told.started), finished: secondsOf(told.finished) };
  if (version === 'v1')
    return {
      predicateType: V1,
      predicate: JSON.stringify({
        buildDefinition: {
          buildType: V1_BUILD_TYPE,
          externalParameters: {
            configSource: { ...configSource, path: entryPoint },
            request: parameters(told, all),
          },
          internalParameters: { builderPlatform: hostPlatform },
          resolvedDependencies: materials,
        },
        runDetails: {
          builder: { id: builder },
          metadata: {
            invocationId: told.ref,
            startedOn: times.started,
            finishedOn: times.finished,
            buildkit_metadata: detail,
            buildkit_hermetic: hermetic,
            buildkit_completeness: { request: all, resolvedDependencies: false },
            buildkit_reproducible: false,
          },
        },
      }),
    };
  return {
    predicateType: V02,
    predicate: JSON.stringify({
      builder: { id: builder },
      buildType: BUILD_TYPE,
      materials,
      invocation: {
        configSource: { ...configSource, entryPoint },
        parameters: parameters(told, all),
        environment: { platform: hostPlatform },
      },
      metadata: {
        buildInvocationID: told.ref,
        buildStartedOn: times.started,
        buildFinishedOn: times.finished,
        completeness: { parameters: all, environment: true, materials: false },
        reproducible: settings['reproducible'] === 'true',
        'https://mobyproject.org/buildkit@v1#hermetic': hermetic,
        [METADATA]: detail,
      },
    }),
  };
}
