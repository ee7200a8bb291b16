import { CliError } from '../base/errors.ts';

/** Versions of the API from which a call keeps to the platforms it is given. */
export const platformVersions = {
  push: '1.46',
  history: '1.48',
  /** Save and load. */
  archive: '1.48',
  /** Several of them. */
  archives: '1.52',
  inspect: '1.49',
  remove: '1.50',
} as const;

/** `os/architecture[/variant]` as the API takes it. */
export function platformJson(text: string): string {
  const [os, architecture, variant, more] = text.split('/');
  if (!os || !architecture || more !== undefined)
    throw new CliError(`invalid platform: ${JSON.stringify(text)}`);
  return JSON.stringify({ os, architecture, ...(variant ? { variant } : {}) });
}

/** The query and API version by which save and load keep to some platforms; nothing for none. */
export function archivePlatforms(platforms: readonly string[]): {
  query: { platform?: string[] };
  version?: string;
} {
  if (platforms.length === 0) return { query: {} };
  return {
    query: { platform: platforms.map(platformJson) },
    version: platforms.length > 1 ? platformVersions.archives : platformVersions.archive,
  };
}
