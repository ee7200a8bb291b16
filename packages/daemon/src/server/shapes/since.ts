/**
 * The versions of the API that changed what a request may say or what the engine does: minor numbers, 48 for 1.48. What
 * versions changed of the objects themselves stands with their shapes beside this file, parameters that came or went in
 * the API document (`x-since`, `x-until`).
 *
 * Some changes of Docker's engines came without a version of the API. Clients that speak an API of before keep what the
 * engines of that API did; the newer ways hold from the first API of the engine that brought them, or of the next one.
 */
export const SINCE = {
  /** A wait sends its headers before the container's end comes. */
  earlyWait: 30,
  /** An update may set the limit of processes. */
  updatePidsLimit: 40,
  /** A terminal's size may be told when an exec is created and started. */
  consoleSize: 42,
  /** A prune of volumes takes anonymous ones alone, unless it is told to take all. */
  anonymousPrune: 42,
  /** Framed output has a content type of its own. */
  multiplexedType: 42,
  /** An IPv6 network without a subnet gets one of the daemon's pool. */
  ipv6Pool: 46,
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
  /** Engine 29: an address may be asked for in a subnet that the pools gave. */
  anySubnet: 52,
  /** Engine 29: links put no variables into the environment. */
  noLinkVariables: 52,
  /** Save and load take several platforms. */
  severalPlatforms: 52,
  /** Engine 29: a push names the tag that is not there, not only its repository. */
  namedTag: 52,
  /** Stats tell of what kind of system they are. */
  statsOsType: 52,
} as const;
