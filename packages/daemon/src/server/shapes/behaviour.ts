/*
 * What Docker's engines have come to do otherwise without a version of the API for it. Clients that speak an API of before
 * keep what the engines of that API did; the newer ways hold from the first API of the engine that brought them, or of the
 * next one.
 */
export const SINCE = {
  /** Engine 28.2: an exec's user is looked up when the exec is created. */
  execUserAtCreate: 48,
  /** Engine 28: an exec that cannot be started has the exit code of its reason (126, 127, 128), not always 126. */
  execExitCodes: 48,
  /** Engine 28: a size that is no number is named in the error. */
  namedSizes: 48,
  /** Engine 28.1: a network that is in use names its endpoints when it is to be removed. */
  namedEndpoints: 48,
  /** Engine 28: a nameless volume of `Mounts` is marked as anonymous, so that a prune takes it. */
  anonymousMounts: 48,
  /** Engine 29: a macvlan or ipvlan (L2) network has no gateway unless one is given. */
  givenGateways: 52,
  /** Engine 29: links put no variables into the environment. */
  noLinkVariables: 52,
} as const;
