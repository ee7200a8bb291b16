import { forbidden, invalidParameter, systemError } from '../../base/errors.ts';
import { macOf, parseMac } from '../addresses/addresses.ts';
import type { Context } from '../model/context.ts';
import { newId } from '../model/options.ts';
import type { EndpointConfig, LiveEndpoint, NetworkRecord } from '../model/records.ts';
import { interfaceName, vethName } from './endpoints.ts';

/**
 * An endpoint with its addresses, not yet in the kernel.
 * @throws forbidden for an address in use; system where a network has none left.
 */
export function reserveEndpoint(
  context: Context,
  network: NetworkRecord,
  config: EndpointConfig,
  others: readonly LiveEndpoint[],
  wanted: readonly string[] = [],
): LiveEndpoint {
  for (const address of config.IPAMConfig?.LinkLocalIPs ?? [])
    if (!/^(169\.254\.|fe[89ab][0-9a-f]:)/i.test(address))
      throw invalidParameter(`invalid link local IP address: ${address}`);
  const endpoint: LiveEndpoint = {
    networkId: network.id,
    endpointId: newId(),
    interface: '',
    host: '',
    mac: '',
    ipv4: '',
    ipv6: '',
  };
  if (network.driver === 'host' || network.driver === 'null') return endpoint;
  endpoint.interface = interfaceName(network, config, others, wanted);
  if (network.driver === 'bridge') endpoint.host = vethName();
  const pools = context.catalogue.pools(network.id);
  try {
    if (network.ipv4 && pools.v4) endpoint.ipv4 = take(pools.v4, config.IPAMConfig?.IPv4Address, network, 4);
    if (network.ipv6 && pools.v6) endpoint.ipv6 = take(pools.v6, config.IPAMConfig?.IPv6Address, network, 6);
  } catch (error) {
    freeAddresses(context, endpoint);
    throw error;
  }
  if (network.driver !== 'ipvlan')
    endpoint.mac = parseMac(config.MacAddress) ?? (endpoint.ipv4 ? macOf(endpoint.ipv4) : randomMac());
  return endpoint;
}

/** Gives an endpoint's addresses back to its network's pools. */
export function freeAddresses({ catalogue }: Context, { networkId, ipv4, ipv6 }: LiveEndpoint): void {
  const pools = catalogue.pools(networkId);
  if (ipv4) pools.v4?.free(ipv4);
  if (ipv6) pools.v6?.free(ipv6);
}

function take(
  pool: { take(): string | undefined; reserve(text: string): boolean },
  asked: string | undefined,
  { name, id }: NetworkRecord,
  family: 4 | 6,
): string {
  if (asked) {
    if (!pool.reserve(asked)) throw forbidden('Address already in use');
    return asked;
  }
  const address = pool.take();
  if (address === undefined)
    throw systemError(`no available IPv${family} addresses on this network's address pools: ${name} (${id})`);
  return address;
}

const randomMac = () => `02:42:${newId().slice(0, 8).match(/../g)!.join(':')}`;

/** The endpoints that have an interface. */
export const withInterface = (endpoints: readonly LiveEndpoint[]) =>
  endpoints.filter((endpoint) => endpoint.interface !== '');
