import { invalidParameter } from '../base/errors.ts';

/** The newest version of the Engine API that is spoken, and what an unversioned path means. */
export const API_VERSION = '1.52';
/** The oldest one. */
export const MIN_API_VERSION = '1.24';

export const NEWEST_MINOR = 52;
const OLDEST_MINOR = 24;

/**
 * The minor number of an asked version (`1.47` gives 47).
 * @throws invalid-parameter outside of the window, with the text that clients match on to negotiate.
 */
export function minorVersion(asked: string): number {
  const [major = 0, minor = 0] = asked.split('.').map(Number);
  if (major < 1 || (major === 1 && minor < OLDEST_MINOR))
    throw invalidParameter(
      `client version ${asked} is too old. Minimum supported API version is ${MIN_API_VERSION}, please upgrade your client to a newer version`,
    );
  if (major > 1 || minor > NEWEST_MINOR)
    throw invalidParameter(
      `client version ${asked} is too new. Maximum supported API version is ${API_VERSION}`,
    );
  return minor;
}
