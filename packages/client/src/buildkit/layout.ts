import { createHash, randomBytes } from 'node:crypto';
import {
  createReadStream,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { type Call, GrpcError, type Method, method, unary } from '@berth/grpc';
import { CliError } from '../base/errors.ts';
import { whyNot } from '../shared/files.ts';

const SERVICE = '/containerd.services.content.v1.Content/';
const PART = 1 << 20;
const NOT_FOUND = 5;
const INVALID = 3;
const ALREADY_EXISTS = 6;
/** Actions of a write, by number. */
const WRITE = 1;
const COMMIT = 2;

const INDEX = 'application/vnd.oci.image.index.v1+json';
const NAME = 'org.opencontainers.image.ref.name';

interface Descriptor {
  mediaType: string;
  digest: string;
  size: number;
  annotations?: Record<string, string>;
}

/**
 * An OCI layout on this machine (https://github.com/opencontainers/image-spec, image-layout.md): blobs by their digests, which a
 * builder reads and writes, and the index, which is this side's.
 */
export class OciLayout {
  private readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  /** @throws GrpcError for what is no digest */
  private path(digest: string): string {
    const hex = /^sha256:([0-9a-f]{64})$/.exec(digest)?.[1];
    if (hex === undefined) throw new GrpcError(INVALID, `${JSON.stringify(digest)} is no sha256 digest`);
    return join(this.folder, 'blobs/sha256', hex);
  }

  private size(digest: string): number | undefined {
    return statSync(this.path(digest), { throwIfNoEntry: false })?.size;
  }

  info(digest: string) {
    const size = this.size(digest);
    if (size === undefined) throw new GrpcError(NOT_FOUND, `content ${digest}: not found`);
    return { info: { digest, size } };
  }

  async read(call: Call<'ReadContentRequest', 'ReadContentResponse'>): Promise<undefined> {
    for await (const { digest, offset, size } of call.requests) {
      this.info(digest);
      const range = { start: offset, highWaterMark: PART, ...(size > 0 && { end: offset + size - 1 }) };
      let at = offset;
      for await (const data of createReadStream(this.path(digest), range) as AsyncIterable<Buffer>) {
        await call.send({ offset: at, data });
        at += data.length;
      }
      break;
    }
  }

  /** Takes one blob: it has its place once all of it is here and has the digest that was said. */
  async write(call: Call<'WriteContentRequest', 'WriteContentResponse'>): Promise<undefined> {
    mkdirSync(join(this.folder, 'blobs/sha256'), { recursive: true });
    const unfinished = join(this.folder, `.berth-${randomBytes(8).toString('hex')}`);
    const file = await open(unfinished, 'wx');
    const hash = createHash('sha256');
    let offset = 0;
    let digest = '';
    try {
      for await (const message of call.requests) {
        digest = message.expected || digest;
        if (digest !== '' && this.size(digest) !== undefined)
          throw new GrpcError(ALREADY_EXISTS, `content ${digest}: already exists`);
        if (message.action === WRITE || (message.action === COMMIT && message.data.length > 0)) {
          if (message.offset !== offset)
            throw new GrpcError(INVALID, `bytes at ${message.offset} instead of ${offset}`);
          await file.writeFile(message.data);
          hash.update(message.data);
          offset += message.data.length;
        }
        if (message.action === COMMIT) {
          const actual = `sha256:${hash.digest('hex')}`;
          if (digest !== '' && actual !== digest)
            throw new GrpcError(INVALID, `unexpected digest ${actual} instead of ${digest}`);
          await file.close();
          renameSync(unfinished, this.path(actual));
          await call.send({ action: COMMIT, offset, total: offset, digest: actual });
          return;
        }
        await call.send({ action: message.action, offset, total: message.total });
      }
    } finally {
      await file.close().catch(() => undefined);
      rmSync(unfinished, { force: true });
    }
  }

  private entries(): Descriptor[] {
    let text: string;
    try {
      text = readFileSync(join(this.folder, 'index.json'), 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw new CliError(`cannot read ${join(this.folder, 'index.json')}: ${whyNot(error)}`);
    }
    try {
      const { manifests } = JSON.parse(text) as { manifests?: Descriptor[] };
      return Array.isArray(manifests) ? manifests : [];
    } catch (error) {
      throw new CliError(`${join(this.folder, 'index.json')} is not JSON: ${(error as Error).message}`);
    }
  }

  /** The digest that a tag stands for; undefined for none. */
  find(tag: string): string | undefined {
    const entries = this.entries();
    const tagged = entries.find(({ annotations }) => annotations?.[NAME] === tag);
    return (tagged ?? (entries.length === 1 ? entries[0] : undefined))?.digest;
  }

  /** Lets a tag stand for what was written. */
  put(descriptor: Descriptor, tag: string): void {
    mkdirSync(this.folder, { recursive: true });
    const others = this.entries().filter(({ annotations }) => annotations?.[NAME] !== tag);
    const manifests = [...others, { ...descriptor, annotations: { ...descriptor.annotations, [NAME]: tag } }];
    const index = { schemaVersion: 2, mediaType: INDEX, manifests };
    writeFileSync(join(this.folder, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
    const unfinished = join(this.folder, `.berth-${randomBytes(8).toString('hex')}`);
    writeFileSync(unfinished, JSON.stringify(index));
    renameSync(unfinished, join(this.folder, 'index.json'));
  }
}

/** The layouts that a build may read and write, by the names under which its builder asks for them. */
export function layoutMethods(layouts: ReadonlyMap<string, OciLayout>): Record<string, Method> {
  if (layouts.size === 0) return {};
  const of = ({ metadata }: Pick<Call, 'metadata'>): OciLayout => {
    const name = String(metadata['buildkit-attachable-store-id'] ?? '');
    const layout = layouts.get(name);
    if (!layout)
      throw new GrpcError(NOT_FOUND, `this build has no folder of the name ${JSON.stringify(name)}`);
    return layout;
  };
  return {
    [`${SERVICE}Info`]: unary('ContentInfoRequest', 'ContentInfoResponse', async ({ digest }, call) =>
      of(call).info(digest),
    ),
    [`${SERVICE}Read`]: method('ReadContentRequest', 'ReadContentResponse', (call) => of(call).read(call)),
    [`${SERVICE}Write`]: method('WriteContentRequest', 'WriteContentResponse', (call) =>
      of(call).write(call),
    ),
  };
}
