import type { components } from '@berth/api-spec';
import { csvFields, cut } from './csv.ts';

/** One `--network`. */
export interface NetworkAttachment {
  target: string;
  aliases: string[];
  driverOpts?: Record<string, string>;
  links?: string[];
  ip?: string;
  ip6?: string;
  linkLocalIps?: string[];
  mac?: string;
  gatewayPriority?: number;
}

/** The value of `--network NAME` or `--network name=NAME,alias=...`. Throws with Docker's reason. */
export function parseNetwork(text: string): NetworkAttachment {
  if (!/\w+=\w+(,\w+=\w+)*/.test(text)) return { target: text, aliases: [] };
  const network: NetworkAttachment = { target: '', aliases: [] };
  for (const field of csvFields(text)) {
    const [rawKey, rawValue] = cut(field.toLowerCase(), '=');
    if (!rawKey || rawValue === undefined) throw new Error(`invalid field ${field}`);
    const key = rawKey.trim();
    const value = rawValue.trim();
    switch (key) {
      case 'name':
        network.target = value;
        break;
      case 'alias':
        network.aliases.push(value);
        break;
      case 'ip':
        network.ip = value;
        break;
      case 'ip6':
        network.ip6 = value;
        break;
      case 'mac-address':
        network.mac = value;
        break;
      case 'link-local-ip':
        network.linkLocalIps = [...(network.linkLocalIps ?? []), value];
        break;
      case 'gw-priority':
        if (!/^[+-]?\d+$/.test(value)) throw new Error(`invalid gw-priority (${value}): invalid syntax`);
        network.gatewayPriority = Number(value);
        break;
      case 'driver-opt': {
        const [name, option] = cut(value, '=');
        if (!name || option === undefined) throw new Error('invalid key value pair format in driver options');
        network.driverOpts = { ...network.driverOpts, [name.trim()]: option.trim() };
        break;
      }
      default:
        throw new Error(`invalid field key ${key}`);
    }
  }
  if (!network.target) throw new Error('network name/id is not specified');
  return network;
}

/** Whether a network mode names a network of the user's own. */
function isUserDefined(mode: string): boolean {
  return !(
    ['default', 'bridge', 'host', 'none', 'nat'].includes(mode) ||
    mode === 'container' ||
    mode.startsWith('container:')
  );
}

export type EndpointSettings = components['schemas']['EndpointRequest'];

/** The values of a container's network flags other than --network. */
export interface NetworkFlags {
  aliases: readonly string[];
  links: readonly string[];
  ip: string;
  ip6: string;
  linkLocalIps: readonly string[];
  mac: string;
}

function endpointSettings(network: NetworkAttachment): EndpointSettings {
  if (network.target.trim() === '') throw new Error('no name set for network');
  if (!isUserDefined(network.target)) {
    if (network.aliases.length)
      throw new Error('network-scoped aliases are only supported for user-defined networks');
    if (network.links?.length) throw new Error('links are only supported for user-defined networks');
  }
  const settings: EndpointSettings = {};
  if (network.aliases.length) settings.Aliases = network.aliases;
  if (network.driverOpts) settings.DriverOpts = network.driverOpts;
  if (network.links?.length) settings.Links = network.links;
  if (network.gatewayPriority) settings.GwPriority = network.gatewayPriority;
  if (network.ip || network.ip6 || network.linkLocalIps?.length)
    settings.IPAMConfig = {
      ...(network.ip ? { IPv4Address: network.ip } : {}),
      ...(network.ip6 ? { IPv6Address: network.ip6 } : {}),
      ...(network.linkLocalIps?.length ? { LinkLocalIPs: network.linkLocalIps } : {}),
    };
  if (network.mac) {
    if (!isMac(network.mac)) throw new Error(`${network.mac} is not a valid mac address`);
    settings.MacAddress = network.mac;
  }
  return settings;
}

/** Whether Go's ParseMAC takes the text. */
export function isMac(text: string): boolean {
  const mac = text.trim();
  return (
    /^([0-9a-fA-F]{2}([:-])(?:[0-9a-fA-F]{2}\2){4}[0-9a-fA-F]{2})((\2[0-9a-fA-F]{2}){2}|(\2[0-9a-fA-F]{2}){14})?$/.test(
      mac,
    ) || /^([0-9a-fA-F]{4}\.){2}[0-9a-fA-F]{4}(\.[0-9a-fA-F]{4})?$/.test(mac)
  );
}

/** The endpoints to create a container with. The flags that name no network belong to the first. */
export function endpoints(
  networks: readonly NetworkAttachment[],
  flags: NetworkFlags,
): Record<string, EndpointSettings> {
  const all: Record<string, EndpointSettings> = {};
  const clash = (flag: string, what: string) =>
    new Error(`conflicting options: cannot specify both --${flag} and per-network ${what}`);
  const withFlags = (network: NetworkAttachment): NetworkAttachment => {
    if (network.aliases.length && flags.aliases.length) throw clash('network-alias', 'alias');
    if (network.links?.length && flags.links.length) throw clash('link', 'links');
    if (network.ip && flags.ip) throw clash('ip', 'IPv4 address');
    if (network.ip6 && flags.ip6) throw clash('ip6', 'IPv6 address');
    if (network.mac && flags.mac) throw clash('mac-address', 'MAC address');
    if (network.linkLocalIps?.length && flags.linkLocalIps.length)
      throw clash('link-local-ip', 'link-local IP addresses');
    return {
      ...network,
      aliases: flags.aliases.length ? [...flags.aliases] : network.aliases,
      links: isUserDefined(network.target) && flags.links.length ? [...flags.links] : network.links,
      ip: flags.ip || network.ip,
      ip6: flags.ip6 || network.ip6,
      mac: flags.mac || network.mac,
      linkLocalIps: flags.linkLocalIps.length ? [...flags.linkLocalIps] : network.linkLocalIps,
    };
  };
  if (networks.length === 0) {
    all['default'] = endpointSettings(withFlags({ target: 'default', aliases: [] }));
    return all;
  }
  for (const [index, given] of networks.entries()) {
    const settings = endpointSettings(index === 0 ? withFlags(given) : given);
    if (Object.hasOwn(all, given.target))
      throw new Error(`network ${JSON.stringify(given.target)} is specified multiple times`);
    if (networks.length === 1 && Object.keys(settings).length === 0) continue;
    all[given.target] = settings;
  }
  const own = networks.filter((network) => isUserDefined(network.target)).length;
  if (own && own !== networks.length)
    throw new Error(
      'conflicting options: cannot attach both user-defined and non-user-defined network-modes',
    );
  return all;
}
