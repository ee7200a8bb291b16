import { invalidParameter } from '../../base/errors.ts';
import type { EndpointSettings } from '../../networks/api.ts';
import type { HostConfig } from '../model/types.ts';

/** From this API version on a container may be created on several networks, each with a MAC address of its own. */
const SEVERAL = 44;
/** From this one on there is no other. */
const OWN_MAC_ONLY = 52;

export type Given = Record<string, Partial<EndpointSettings> | null> | undefined;

/**
 * The networks that a create asks for, by name, with what there is to warn of.
 * @throws invalid-parameter for several before version 1.44, or for two different MAC addresses.
 */
export function givenEndpoints(
  given: Given,
  { NetworkMode: mode }: HostConfig,
  mac: string | undefined,
  version: number,
): { endpoints: Record<string, Partial<EndpointSettings>>; warnings: string[] } {
  const names = Object.keys(given ?? {});
  if (version < SEVERAL && names.length > 1)
    throw invalidParameter(
      `Container cannot be created with multiple network endpoints: ${names.sort().join(', ')}`,
    );
  const endpoints: Record<string, Partial<EndpointSettings>> = {};
  if (!mode.startsWith('container:'))
    // `default` names the network that the mode was resolved to.
    for (const [name, settings] of Object.entries(given ?? {}))
      endpoints[name === 'default' ? mode : name] = settings ?? {};
  if (!mac || version < SEVERAL) return { endpoints, warnings: [] };
  if (version >= OWN_MAC_ONLY)
    throw invalidParameter(
      'container-wide MAC address no longer supported; use endpoint-specific MAC address instead',
    );
  const own = endpoints[mode]?.MacAddress;
  if (own && own !== mac)
    throw invalidParameter(
      'the container-wide MAC address must match the endpoint-specific MAC address for the main network, or be left empty',
    );
  return {
    endpoints,
    warnings: [
      'The container-wide MacAddress field is now deprecated. It should be specified in EndpointsConfig instead.',
    ],
  };
}
