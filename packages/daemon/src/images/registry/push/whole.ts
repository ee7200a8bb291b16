import type { ImageDescriptor } from '../../api.ts';
import { indexDocument, packageUrl, platformOfImage } from '../../archives/index-document.ts';
import {
  type AttestationManifest,
  attestationManifest,
  attestationsIn,
  type Blob,
  describedAs,
  isAttestation,
  subjectOf,
} from '../../attestations.ts';
import { type Entry, isIndexType, type ManifestRecord } from '../../catalogue.ts';
import { digestOf } from '../../config.ts';
import type { Reference } from '../../references.ts';
import { membersOf } from '../../variants.ts';
import type { RegistryServices } from '../services.ts';
import type { Target } from '../uploads.ts';
import { type Pushed, pushBuilt, pushKept } from './manifest.ts';

/** A kept index all of whose platforms are here. */
interface Whole {
  record: ManifestRecord;
  platforms: Array<{ member: ImageDescriptor; image: Entry }>;
  statements: Array<{ member: ImageDescriptor; record: ManifestRecord }>;
}

/** The index that an image came with, or was made as, where all of it is here; the one of most parts. */
function wholeIndex({ context }: RegistryServices, entry: Entry): Whole | undefined {
  const { catalogue } = context;
  let best: Whole | undefined;
  for (const [, record] of catalogue.manifestsOf(entry.id)) {
    if (!isIndexType(record.mediaType)) continue;
    const whole: Whole = { record, platforms: [], statements: [] };
    let isWhole = true;
    for (const member of membersOf(record)) {
      const known = catalogue.manifest(member.digest);
      if (isAttestation(member)) {
        if (known?.attestation) whole.statements.push({ member, record: known });
        else isWhole = false;
        continue;
      }
      const image = catalogue.get(known?.image ?? '');
      if (image) whole.platforms.push({ member, image });
      else isWhole = false;
    }
    if (isWhole && whole.platforms.length > (best?.platforms.length ?? 0)) best = whole;
  }
  return best;
}

/**
 * Pushes an image of several platforms, or one that something is said about, as a whole: the layers and manifests of all its
 * parts. Undefined when it is no such image, or not all of it is here: then one platform's part goes alone.
 */
export async function pushIndex(
  services: RegistryServices,
  target: Target,
  reference: Reference,
  entry: Entry,
): Promise<Pushed | undefined> {
  const whole = wholeIndex(services, entry);
  if (!whole) return undefined;
  const { context } = services;
  const { repository, signal } = target;
  const release = context.retention.lease(
    whole.platforms.flatMap(({ image }) => image.config.rootfs.diff_ids),
  );
  try {
    const pushed: Array<{ descriptor: ImageDescriptor; attestation: AttestationManifest | undefined }> = [];
    for (const { member, image } of whole.platforms) {
      const { mediaType, body } =
        (await pushKept(services, target, reference, image, member.digest)) ??
        (await pushBuilt(services, target, image, true));
      const digest = digestOf(body);
      await repository.putManifest(digest, mediaType, body, signal);
      context.catalogue.addManifest(digest, { mediaType, body: body.toString(), image: image.id });
      const platform = member.platform ?? platformOfImage(image);
      const descriptor = { ...member, mediaType, digest, size: body.length, platform };
      const about = whole.statements.find((one) => subjectOf(one.member) === member.digest);
      const attestation =
        about && (await pushStatements(services, target, reference, about, descriptor, image));
      pushed.push({ descriptor, attestation });
    }
    const same = whole.platforms.every(
      ({ member }, index) => pushed[index]!.descriptor.digest === member.digest,
    );
    if (same) return { mediaType: whole.record.mediaType, body: Buffer.from(whole.record.body) };
    const { annotations } = JSON.parse(whole.record.body) as { annotations?: Record<string, string> };
    const { descriptor, body } = indexDocument(pushed, annotations);
    return { mediaType: descriptor.mediaType, body };
  } finally {
    await release();
  }
}

/** Pushes what is said about an image: as it was said where the image kept its manifest, else of the manifest that it has now. */
async function pushStatements(
  { context }: RegistryServices,
  { repository, signal }: Target,
  reference: Reference,
  { member, record }: { member: ImageDescriptor; record: ManifestRecord },
  about: ImageDescriptor,
  image: Entry,
): Promise<AttestationManifest> {
  const kept = await context.blobs.load(member.digest, record);
  const same = subjectOf(member) === about.digest;
  const platform = [about.platform?.os, about.platform?.architecture, about.platform?.variant];
  const url = packageUrl(reference, platform.filter(Boolean).join('/'));
  const manifest = same
    ? { ...kept, descriptor: describedAs(kept.descriptor, about.digest) }
    : attestationManifest(attestationsIn(kept), about, [url]);
  const put = async ({ digest, body }: Blob) => {
    if ((await repository.has(digest, signal)) !== undefined) return;
    const upload = await repository.beginUpload(signal);
    if (upload) await repository.commit(upload, digest, signal, body);
  };
  for (const blob of manifest.blobs) await put(blob);
  const { digest, mediaType } = manifest.descriptor;
  await repository.putManifest(digest, mediaType, manifest.body, signal);
  if (!same) {
    const done = await context.blobs.keep(manifest.blobs);
    context.catalogue.addManifest(digest, {
      mediaType,
      body: manifest.body.toString(),
      image: image.id,
      attestation: true,
    });
    done();
  }
  return manifest;
}
