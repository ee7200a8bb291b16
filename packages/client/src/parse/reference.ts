import { CliError } from '../base/errors.ts';

/** An image reference, normalised as Docker does: a name without a host is of Docker Hub. */
export interface Reference {
  /** Host of the registry: `docker.io`. */
  readonly domain: string;
  /** Path of the repository: `library/busybox`. */
  readonly path: string;
  readonly tag?: string;
  readonly digest?: string;
}

const domainPattern =
  /^(?:(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])(?:\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?$/;
const pathPattern = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const tagPattern = /^[\w][\w.-]{0,127}$/;
const digestPattern = /^[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}$/;
const lengths: Record<string, number> = { sha256: 64, sha384: 96, sha512: 128 };

/** Parses a reference. Throws CliError with Docker's text. */
export function parseReference(text: string): Reference {
  const invalid = new CliError('invalid reference format');
  if (/^[a-f0-9]{64}$/.test(text))
    throw new CliError(`invalid repository name (${text}), cannot specify 64-byte hexadecimal strings`);
  const slash = text.indexOf('/');
  const first = slash < 0 ? '' : text.slice(0, slash);
  let domain = 'docker.io';
  let remainder = text;
  if (first && (/[.:]/.test(first) || first === 'localhost' || first.toLowerCase() !== first)) {
    domain = first;
    remainder = text.slice(slash + 1);
  }
  if (domain === 'index.docker.io') domain = 'docker.io';
  if (domain === 'docker.io' && !remainder.includes('/')) remainder = `library/${remainder}`;
  let digest: string | undefined;
  const at = remainder.indexOf('@');
  if (at >= 0) {
    digest = remainder.slice(at + 1);
    remainder = remainder.slice(0, at);
    if (!digestPattern.test(digest)) throw invalid;
    const [algorithm, hex] = digest.split(':') as [string, string];
    if (!lengths[algorithm]) throw new CliError('unsupported digest algorithm');
    if (hex.length !== lengths[algorithm]) throw new CliError('invalid checksum digest length');
    if (hex !== hex.toLowerCase()) throw new CliError('invalid checksum digest format');
  }
  let tag: string | undefined;
  const colon = remainder.indexOf(':');
  if (colon >= 0) {
    tag = remainder.slice(colon + 1);
    remainder = remainder.slice(0, colon);
    if (!tagPattern.test(tag)) throw invalid;
  }
  if (remainder.toLowerCase() !== remainder)
    throw new CliError(`invalid reference format: repository name (${remainder}) must be lowercase`);
  if (!domainPattern.test(domain) || !pathPattern.test(remainder)) throw invalid;
  if (domain.length + remainder.length + 1 > 255)
    throw new CliError('repository name must not be more than 255 characters');
  return { domain, path: remainder, ...(tag === undefined ? {} : { tag }), ...(digest ? { digest } : {}) };
}

/** The name without tag and digest, as people write it: `busybox`, `localhost:5000/a`. */
export function familiarName({ domain, path }: Reference): string {
  if (domain !== 'docker.io') return `${domain}/${path}`;
  return /^library\/[^/]+$/.test(path) ? path.slice(8) : path;
}

/** The whole reference as people write it. */
export function familiar(reference: Reference): string {
  return familiarName(reference) + suffix(reference);
}

/** The whole reference with its registry. */
export function canonical(reference: Reference): string {
  return `${reference.domain}/${reference.path}${suffix(reference)}`;
}

const suffix = ({ tag, digest }: Reference): string => (tag ? `:${tag}` : '') + (digest ? `@${digest}` : '');

/** The reference with the tag `latest` when it has neither tag nor digest. */
export function withDefaultTag(reference: Reference): Reference {
  return reference.tag || reference.digest ? reference : { ...reference, tag: 'latest' };
}
