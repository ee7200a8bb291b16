import { STATUS_CODES } from 'node:http';
import { systemError, unauthorized } from '../../base/errors.ts';
import { during } from '../../base/network-errors.ts';
import type { DistributedImage, RegistryAuth } from '../api.ts';
import { parseConfig } from '../config.ts';
import type { Platform } from '../platforms.ts';
import type { Reference } from '../references.ts';
import { answerError } from './errors.ts';
import { MAX_ERROR_BYTES } from './limits.ts';
import { parseManifest } from './manifests.ts';
import { Repository } from './repository.ts';
import { type RegistryClient, Session, withRegistry } from './session.ts';
import { readDocument } from './transport.ts';

/** Describes the image of a name in a registry, without pulling it: `GET /distribution/{name}/json`. */
export function describe(
  client: RegistryClient,
  reference: Reference,
  auth: RegistryAuth | undefined,
  signal: AbortSignal,
): Promise<DistributedImage> {
  return withRegistry(client, reference.domain, { purpose: 'pull', auth, signal }, async (session) => {
    const repository = new Repository(session, reference.path, 'pull');
    const fetched = await repository.manifest(reference.digest ?? reference.tag!, signal);
    const content = parseManifest(fetched.body, fetched.mediaType, reference);
    const platforms =
      content.kind === 'index'
        ? content.entries.flatMap(({ platform }) => (platform ? [platform] : []))
        : [await platformOf(repository, content.manifest.config, signal)];
    return {
      Descriptor: {
        mediaType: content.kind === 'index' ? content.mediaType : content.manifest.mediaType,
        digest: fetched.digest,
        size: fetched.body.length,
      },
      Platforms: platforms.map(({ architecture, os, variant }) => ({
        architecture,
        os,
        ...(variant ? { variant } : {}),
      })),
    };
  });
}

async function platformOf(
  repository: Repository,
  { digest, size }: { digest: string; size: number },
  signal: AbortSignal,
): Promise<Platform> {
  return parseConfig((await repository.document(digest, size, signal)).toString());
}

/**
 * Checks credentials with a registry.
 * @throws unauthorized (tokens) or system (basic) with dockerd's texts when it refuses them.
 */
export async function login(
  client: RegistryClient,
  auth: RegistryAuth,
): Promise<{ Status: string; IdentityToken: string }> {
  const signal = AbortSignal.timeout(client.limits.document);
  const domain = domainOf(auth.serveraddress ?? '');
  let failure: unknown;
  for (const endpoint of await client.hosts.endpoints(domain, 'push')) {
    const session = new Session(client, domain, endpoint, { ...auth, serveraddress: '' });
    try {
      await session.ping(signal);
    } catch (error) {
      failure = error;
      continue;
    }
    const IdentityToken = auth.identitytoken ? '' : await session.authorizer.identityToken(signal);
    const url = session.url('/v2/');
    const authorization = await session.authorizer.header({ method: 'GET', url, scopes: [], signal });
    const answer = await client.transport.send(url, {
      method: 'GET',
      headers: authorization ? { authorization } : {},
      signal,
    });
    const body = await readDocument(answer, MAX_ERROR_BYTES, 'the answer', client.limits.document).catch(() =>
      Buffer.alloc(0),
    );
    if (answer.status === 200) return { IdentityToken, Status: 'Login Succeeded' };
    if (session.authorizer.usesTokens)
      throw unauthorized(during('GET', url, answerError(answer.status, body.toString()).message));
    throw systemError(
      `login attempt to ${url.href} failed with status: ${answer.status} ${STATUS_CODES[answer.status] ?? ''}`.trimEnd(),
    );
  }
  throw failure;
}

/** The registry that a login's server address names; Docker Hub for none and for its old index. */
function domainOf(address: string): string {
  const host = address.replace(/^https?:\/\//, '').split('/')[0]!;
  return host === '' || host === 'index.docker.io' || host === 'registry-1.docker.io' ? 'docker.io' : host;
}
