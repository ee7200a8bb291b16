import type { NetworkInspect } from '../../networks/api.ts';

/* The shape of a network for older clients: members that came later are left out. */

/** Versions in which something appeared or changed. */
const LIST_WITHOUT_CONTAINERS = 28;
const ENABLE_IPV4 = 48;
const ADDRESS_COUNTS = 52;

type NetworkShape = Omit<NetworkInspect, 'EnableIPv4'> & { EnableIPv4?: boolean };

/** A network as `version` has it. */
export function networkFor(version: number, network: NetworkInspect): NetworkShape {
  const { Status, EnableIPv4, ...rest } = network;
  return {
    ...rest,
    ...(version >= ENABLE_IPV4 && { EnableIPv4 }),
    ...(version >= ADDRESS_COUNTS && Status !== undefined && { Status }),
  };
}

/** An entry of the list: inspect shows who runs on it. */
export function networkSummaryFor(version: number, network: NetworkInspect): NetworkShape {
  const { Status: _, ...shaped } = networkFor(version, network);
  return version < LIST_WITHOUT_CONTAINERS ? shaped : { ...shaped, Containers: {} };
}
