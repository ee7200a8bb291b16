import { posix } from 'node:path';
import type { Readable } from 'node:stream';
import { extract } from 'tar-stream';
import { Tree } from '../../tree/tree.ts';
import { type TarWriter, writeBody, writtenTar } from '../../tree/written.ts';
import { refuse } from './built.ts';
import type { Export } from './types.ts';

/** How the files of one predicate are called. */
const FILES: Array<[prefix: string, name: string]> = [
  ['https://slsa.dev/provenance/', 'provenance.json'],
  ['https://spdx.dev/', 'sbom.spdx.json'],
];

interface Part {
  /** The folder that its files go to: '' for the top. */
  folder: string;
  tar: (use: (tar: Readable) => Promise<void>) => Promise<void>;
  statements: Array<{ name: string; body: Buffer }>;
}

/** The files of each platform: in a folder of its own where there are several. */
function partsOf({ job, result, attributes }: Export): Part[] {
  const split = result.several && !/^(0|f|false)$/i.test(attributes['platform-split'] ?? '');
  return result.images.map(({ platform, result: one, attestations }) => {
    const used = new Set<string>();
    const statements = attestations.map(({ predicateType, predicate }, index) => {
      let name =
        FILES.find(([prefix]) => predicateType.startsWith(prefix))?.[1] ?? `attestation-${index}.json`;
      if (used.has(name)) name = name.replace('.', `-${index}.`);
      used.add(name);
      const text = `{"_type":"https://in-toto.io/Statement/v0.1","predicateType":${JSON.stringify(predicateType)},"subject":[],"predicate":${predicate}}`;
      return { name: `${attributes['attestation-prefix'] ?? ''}${name}`, body: Buffer.from(text) };
    });
    return {
      folder: split ? platform.replaceAll('/', '_') : '',
      tar: (use) => job.solver!.tar(one.snapshot, use),
      statements,
    };
  });
}

const isPlain = (parts: readonly Part[]) =>
  parts.length === 1 && parts[0]!.folder === '' && parts[0]!.statements.length === 0;

/** The root as a tar. */
export function exportTar(wanted: Export): Promise<Record<string, string>> {
  const { job, index, attributes } = wanted;
  refuse(attributes, ['push', 'rewrite-timestamp']);
  return job.progress.step('exporting to client tarball', async (vertex) => {
    const session = await job.session!;
    const parts = partsOf(wanted);
    if (isPlain(parts))
      await parts[0]!.tar(async (tar) => session.sendFile(index, tar as AsyncIterable<Buffer>));
    else {
      const joined = joinedTar(parts);
      await session.sendFile(index, joined as AsyncIterable<Buffer>);
    }
    vertex.status('sending tarball', 0, 0, true);
    return {};
  });
}

/** The tars of several parts as one, each in its folder. */
function joinedTar(parts: readonly Part[]): Readable {
  return writtenTar(async (out) => {
    for (const part of parts) {
      if (part.folder) out.entry({ name: `${part.folder}/`, type: 'directory', mode: 0o755 });
      await part.tar((tar) => copyInto(out, part.folder, tar));
      for (const { name, body } of part.statements)
        out.entry({ name: posix.join(part.folder, name), mode: 0o600 }, body);
    }
  });
}

async function copyInto(out: TarWriter, folder: string, tar: Readable): Promise<void> {
  const reader = extract();
  tar.on('error', (error) => reader.destroy(error));
  tar.pipe(reader);
  for await (const entry of reader) {
    const { pax, ...header } = entry.header;
    const { path: _, linkpath: __, ...kept } = (pax ?? {}) as Record<string, string>;
    const into = {
      ...header,
      name: posix.join(folder, header.name),
      ...(header.type === 'link' && header.linkname && { linkname: posix.join(folder, header.linkname) }),
      ...(Object.keys(kept).length > 0 && { pax: kept }),
    };
    if (header.type === 'file' || header.type === 'contiguous-file')
      await writeBody(out, into, entry as unknown as NodeJS.ReadableStream);
    else {
      out.entry(into);
      entry.resume();
    }
  }
}

/** The root as files in a folder of the client. */
export function exportFolder(wanted: Export): Promise<Record<string, string>> {
  const { job, index, attributes } = wanted;
  refuse(attributes, ['push', 'rewrite-timestamp']);
  return job.progress.step('exporting to client directory', async (vertex) => {
    const session = await job.session!;
    const tree = await Tree.create(posix.join(job.folder, `export-${index}`));
    try {
      const parts = partsOf(wanted);
      if (isPlain(parts)) await parts[0]!.tar((tar) => tree.addTar(tar));
      else await tree.addTar(joinedTar(parts));
      vertex.status('copying files', await session.sendTree(index, tree), 0, true);
    } finally {
      await tree.close();
    }
    return {};
  });
}
