import { extract } from 'tar-stream';
import { BerthError } from '../../../base/errors.ts';
import { variablesOf } from '../../../dockerfile/environment.ts';
import type { Attestation } from '../../../images/api.ts';
import type { Archive } from '../../../layers/api.ts';
import type { PlatformResult } from '../dockerfile-build.ts';
import type { Job } from '../job.ts';

/*
 * SBOMs (lists of what an image holds): a scanner, itself an image, is run with the root that was built and writes
 * statements, by BuildKit's protocol: https://github.com/moby/buildkit/blob/master/docs/attestations/sbom-protocol.md
 */

const DEFAULT_SCANNER = 'docker/buildkit-syft-scanner:stable-1';
const SOURCE = '/run/src/core/sbom';
const OUTPUT = '/run/out';
/** A scanner's statement is at most this long, in bytes. */
const LONGEST = 64 * 1024 * 1024;

/** Runs the scanner over one platform's root. @throws system where it fails or writes nothing that can be read. */
export async function sbom(
  job: Job,
  { result, platform }: PlatformResult,
  settings: Record<string, string>,
): Promise<Attestation[]> {
  const solver = job.solver!;
  const session = await job.session!;
  const { signal } = job.abort;
  const reference = settings['generator'] || DEFAULT_SCANNER;
  const scanner = await solver.base({
    reference,
    platform: '',
    resolveMode: '',
    label: '[internal]',
    session,
    progress: job.progress,
    signal,
  });
  const config = scanner.config.config ?? {};
  const command = [...(config.Entrypoint ?? []), ...(config.Cmd ?? [])];
  if (command.length === 0)
    throw new BerthError('invalid-parameter', `the scanner ${reference} has no command: it is no scanner`);
  const title = `[${platform}] generating sbom using ${scanner.name}`;
  const mount = {
    type: 'bind' as const,
    from: 'core',
    source: '/',
    target: SOURCE,
    readonly: true,
    id: '',
    required: true,
    attributes: undefined,
    mode: 0,
    uid: 0,
    gid: 0,
    size: undefined,
    sharing: 'shared' as const,
    env: '',
  };
  const prepared = await solver.mounts([mount], undefined, {
    session,
    context: () => Promise.reject(new Error('a scanner has no build context')),
    named: () => undefined,
    stage: async () => result.snapshot,
    folder: job.folder,
    fresh: false,
    signal,
  });
  const variables = variablesOf(config);
  const own = Object.entries(settings).filter(([name]) => /^[A-Z]/.test(name));
  try {
    const base = await solver.folder(
      scanner.snapshot,
      OUTPUT,
      job.progress.vertex('[internal] preparing the scanner'),
      {
        cache: true,
        signal,
        time: undefined,
      },
    );
    const scanned = await solver.run(base, {
      config: { WorkingDir: config.WorkingDir ?? '/', ...(config.User && { User: config.User }) },
      command,
      shown: command,
      env: [
        ...(config.Env ?? []),
        ...(variables('PATH') === undefined
          ? ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin']
          : []),
        `BUILDKIT_SCAN_SOURCE=${SOURCE}`,
        `BUILDKIT_SCAN_DESTINATION=${OUTPUT}`,
        ...own.map(([name, value]) => `${name}=${value}`),
      ],
      keyEnv: own.map(([name, value]) => `${name}=${value}`),
      mounts: prepared,
      network: 'default',
      privileged: false,
      extraHosts: [],
      hostname: 'buildkitsandbox',
      shmSize: 64 << 20,
      ulimits: [],
      cgroupParent: '',
      vertex: job.progress.vertex(title),
      cache: true,
      signal,
    });
    const found = await solver.look(scanned, statements);
    if (found.length === 0)
      throw new BerthError('system', `the scanner ${reference} wrote no statement into ${OUTPUT}`);
    return found;
  } finally {
    await prepared.release();
  }
}

/** The statements that a scanner left. */
async function statements(archive: Archive): Promise<Attestation[]> {
  const { tar } = await archive.get(OUTPUT);
  const reader = extract();
  tar.on('error', (error) => reader.destroy(error));
  tar.pipe(reader);
  const found: Attestation[] = [];
  for await (const entry of reader) {
    const { type, name, size = 0 } = entry.header;
    if (type !== 'file' || !name.endsWith('.json')) {
      entry.resume();
      continue;
    }
    if (size > LONGEST)
      throw new BerthError('system', `the scanner's ${name} is longer than ${LONGEST} bytes`);
    const chunks: Buffer[] = [];
    for await (const chunk of entry) chunks.push(chunk as Buffer);
    found.push(statementOf(name, Buffer.concat(chunks).toString()));
  }
  return found;
}

function statementOf(name: string, text: string): Attestation {
  let value: { predicateType?: unknown; predicate?: unknown } | null;
  try {
    value = JSON.parse(text) as typeof value;
  } catch (error) {
    throw new BerthError('system', `the scanner's ${name} is not JSON: ${(error as Error).message}`);
  }
  if (typeof value?.predicateType !== 'string' || value.predicate === undefined)
    throw new BerthError('system', `the scanner's ${name} is no in-toto statement`);
  return { predicateType: value.predicateType, predicate: JSON.stringify(value.predicate) };
}
