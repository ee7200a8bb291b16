import { invalidParameter } from '../base/errors.ts';
import type { Glob } from '../patterns/glob.ts';

/** A name of an image as Docker writes it, in its normal form (`docker.io/library/debian:13`). */
export interface Reference {
  /** Registry host with port: `docker.io`, `localhost:5000`. */
  domain: string;
  /** Repository within the registry: `library/debian`. */
  path: string;
  tag?: string;
  /** `sha256:<hex>` of a manifest. */
  digest?: string;
}

const DEFAULT_DOMAIN = 'docker.io';
const LEGACY_DOMAIN = 'index.docker.io';
const OFFICIAL = 'library/';
const DEFAULT_TAG = 'latest';

// The grammar of github.com/distribution/reference.
const domainComponent = '(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])';
const domainName = `${domainComponent}(?:\\.${domainComponent})*`;
const domainText = `(?:${domainName}|\\[(?:[a-fA-F0-9:]+)\\])(?::[0-9]+)?`;
const pathComponent = '[a-z0-9]+(?:(?:[._]|__|[-]+)[a-z0-9]+)*';
const pathText = `${pathComponent}(?:/${pathComponent})*`;
const tagText = '[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}';
const digestText = '[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*[:][0-9a-fA-F]{32,}';

const REFERENCE = new RegExp(`^(${domainText})/(${pathText})(?::(${tagText}))?(?:@(${digestText}))?$`);
const TAG = new RegExp(`^${tagText}$`);
const IDENTIFIER = /^[a-f0-9]{64}$/;
const DIGEST_LENGTHS: Record<string, number> = {
  sha256: 64,
  sha384: 96,
  sha512: 128,
};
const MAX_PATH = 255;

/** The full hexadecimal identifier that this text is or names (`sha256:<64 hex>`, `<64 hex>`), or undefined. */
export function imageId(text: string): string | undefined {
  if (IDENTIFIER.test(text)) return `sha256:${text}`;
  if (/^sha256:[a-f0-9]{64}$/.test(text)) return text;
  return undefined;
}

/** True for a well-formed digest of an algorithm that we can compute. */
export function isDigest(text: unknown): text is string {
  return typeof text === 'string' && /^sha256:[a-f0-9]{64}$/.test(text);
}

/**
 * Reads a name as a user writes it; short names mean `docker.io/library`.
 * @throws invalid-parameter with Docker's text.
 */
export function parseReference(text: string): Reference {
  if (IDENTIFIER.test(text))
    throw invalidParameter(`invalid repository name (${text}), cannot specify 64-byte hexadecimal strings`);
  const { domain, remainder } = splitDomain(text);
  const separator = remainder.indexOf(':');
  const remote = separator === -1 ? remainder : remainder.slice(0, separator);
  if (remote.toLowerCase() !== remote)
    throw invalidParameter(`invalid reference format: repository name (${remote}) must be lowercase`);
  const match = REFERENCE.exec(`${domain}/${remainder}`);
  if (!match) throw invalidParameter('invalid reference format');
  const [, host, path, tag, digest] = match as unknown as [string, string, string, string?, string?];
  if (path.length > MAX_PATH) throw invalidParameter('repository name must not be more than 255 characters');
  if (digest !== undefined) checkDigest(digest);
  return {
    domain: host,
    path,
    ...(tag === undefined ? {} : { tag }),
    ...(digest === undefined ? {} : { digest }),
  };
}

function splitDomain(text: string): { domain: string; remainder: string } {
  const slash = text.indexOf('/');
  const first = slash === -1 ? '' : text.slice(0, slash);
  const isDomain =
    slash !== -1 && (/[.:]/.test(first) || first === 'localhost' || first.toLowerCase() !== first);
  let domain = isDomain ? first : DEFAULT_DOMAIN;
  let remainder = isDomain ? text.slice(slash + 1) : text;
  if (domain === LEGACY_DOMAIN) domain = DEFAULT_DOMAIN;
  if (domain === DEFAULT_DOMAIN && !remainder.includes('/')) remainder = OFFICIAL + remainder;
  return { domain, remainder };
}

function checkDigest(digest: string): void {
  const colon = digest.indexOf(':');
  const length = DIGEST_LENGTHS[digest.slice(0, colon)];
  if (length === undefined) throw invalidParameter('unsupported digest algorithm');
  const hex = digest.slice(colon + 1);
  if (hex.length !== length) throw invalidParameter('invalid checksum digest length');
  if (!/^[a-f0-9]+$/.test(hex)) throw invalidParameter('invalid checksum digest format');
}

/** The name with `:latest` where it has neither tag nor digest. */
export function withDefaultTag(reference: Reference): Reference {
  return reference.tag === undefined && reference.digest === undefined
    ? { ...reference, tag: DEFAULT_TAG }
    : reference;
}

/** @throws invalid-parameter `invalid tag format`. */
export function withTag(reference: Reference, tag: string): Reference {
  if (!TAG.test(tag)) throw invalidParameter('invalid tag format');
  return { domain: reference.domain, path: reference.path, tag };
}

/** @throws invalid-parameter for a malformed digest. */
export function withDigest(reference: Reference, digest: string): Reference {
  if (!/^[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[0-9a-fA-F]+$/.test(digest))
    throw invalidParameter('invalid checksum digest format');
  checkDigest(digest);
  return { domain: reference.domain, path: reference.path, digest };
}

/**
 * The name with what a pull gives beside it. Half a digest is told of as of a tag.
 * @throws invalid-parameter `invalid tag format`.
 */
export function withTagOrDigest(reference: Reference, text: string): Reference {
  try {
    return withDigest(reference, text);
  } catch {
    return withTag(reference, text);
  }
}

/** `domain/path`. */
export function repositoryOf(reference: Reference): string {
  return `${reference.domain}/${reference.path}`;
}

/** The normal form in full; what the store uses as a key. */
export function fullName(reference: Reference): string {
  return repositoryOf(reference) + suffix(reference);
}

/** The full form of a name: `bb` is `docker.io/library/bb:latest`. @throws invalid-parameter. */
export function fullReference(text: string): string {
  return fullName(withDefaultTag(parseReference(text)));
}

/** The reference in full as it was given: one without a tag gets none. */
export function normalizedReference(text: string): string {
  return fullName(parseReference(text));
}

/** The repository as users know it: `debian`, `user/app`, `localhost:5000/app`. */
export function familiarName(reference: Reference): string {
  if (reference.domain !== DEFAULT_DOMAIN) return repositoryOf(reference);
  const { path } = reference;
  return path.startsWith(OFFICIAL) && !path.slice(OFFICIAL.length).includes('/')
    ? path.slice(OFFICIAL.length)
    : path;
}

/** `familiarName` with tag and digest. */
export function familiarString(reference: Reference): string {
  return familiarName(reference) + suffix(reference);
}

function suffix({ tag, digest }: Reference): string {
  return (tag === undefined ? '' : `:${tag}`) + (digest === undefined ? '' : `@${digest}`);
}

/**
 * The name that `repo` and `tag` parameters give (tag, import, commit); undefined when `repo` is empty.
 * @throws invalid-parameter as dockerd.
 */
export function parseRepositoryTag(repo: string | undefined, tag?: string): Reference | undefined {
  if (repo === undefined || repo === '') return undefined;
  const reference = parseReference(repo);
  if (reference.digest !== undefined) throw invalidParameter('cannot import digest reference');
  const named = tag ? withTag(reference, tag) : withDefaultTag(reference);
  if (named.domain === DEFAULT_DOMAIN && named.path === `${OFFICIAL}sha256`)
    throw invalidParameter('refusing to create an ambiguous tag using digest algorithm as name');
  return named;
}

/** Docker's `reference` filter: a shell pattern against the familiar name with and without its tag. */
export function familiarMatch(pattern: Glob, reference: Reference): boolean {
  return pattern.test(familiarString(reference)) || pattern.test(familiarName(reference));
}

/** The host that credentials for a reference's registry are known by. */
export function credentialsHost({ domain }: Reference): string {
  return domain === DEFAULT_DOMAIN ? 'registry-1.docker.io' : domain;
}
