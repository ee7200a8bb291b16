import type { LaunchRecord } from '@berth/native';
import { parseAddress } from '../addresses/addresses.ts';
import type { FirewallPort } from './state.ts';

/*
 * The elements by which a published port stands in the sets and maps of the firewall, in nftables' language and as the kernel has them.
 */

/** The numbers of protocols (IANA's), which are what the kernel compares. */
export const PROTOCOLS = { tcp: 6, udp: 17, sctp: 132 };

/** Whether an address, which is known to be one, is of IPv6. */
export const isSix = (address: string) => address.includes(':');

const isAny = (address: string) => address === '0.0.0.0' || address === '::';

/** The element of a published port, and the `map` that it goes to. */
export function portElement(port: FirewallPort): { map: string; key: string; element: string } {
  const six = isSix(port.hostIp) ? '6' : '4';
  const service = `${PROTOCOLS[port.protocol]} . ${port.hostPort}`;
  const any = isAny(port.hostIp);
  const key = any ? service : `${port.hostIp} . ${service}`;
  if (!port.address) return { map: `carried${any ? '' : 'at'}${six}`, key, element: key };
  return {
    map: `${any ? 'anywhere' : 'publish'}${six}`,
    key,
    element: `${key} : ${port.address} . ${port.port}`,
  };
}

/** One transaction that adds or deletes elements of published ports. */
export function portChange(table: string, add: FirewallPort[], remove: FirewallPort[]): string {
  let text = '';
  for (const port of remove) {
    const { map, key } = portElement(port);
    text += `delete element inet ${table} ${map} { ${key} }\n`;
    const held = loopbackElement(port);
    if (held) text += `delete element inet ${table} ${held}\n`;
  }
  for (const port of add) {
    const { map, element } = portElement(port);
    text += `add element inet ${table} ${map} { ${element} }\n`;
    const held = loopbackElement(port);
    if (held) text += `add element inet ${table} ${held}\n`;
  }
  return text;
}

/** The same change as the worker's operation `elements` takes it: keys and values as the kernel has them. */
export function portOperation(table: string, add: FirewallPort[], remove: FirewallPort[]): LaunchRecord {
  const operation: LaunchRecord = ['elements', table];
  for (const [word, ports] of [
    ['delete', remove],
    ['add', add],
  ] as const)
    for (const port of ports) {
      const { map } = portElement(port);
      const service = hex(PROTOCOLS[port.protocol], 0, 0, 0) + hexPort(port.hostPort);
      const full = isAny(port.hostIp) ? service : hexAddress(port.hostIp) + service;
      const value = port.address && `/${hexAddress(port.address)}${hexPort(port.port)}`;
      operation.push(`${word}=${map}/${full}${word === 'add' ? value : ''}`);
      if (port.hostIp.startsWith('127.')) operation.push(`${word}=loopback4/${full}`);
    }
  return operation;
}

/** A port of the host's loopback is for the host alone, whatever `route_localnet` says. */
function loopbackElement({ protocol, hostIp, hostPort }: FirewallPort): string | undefined {
  return hostIp.startsWith('127.')
    ? `loopback4 { ${hostIp} . ${PROTOCOLS[protocol]} . ${hostPort} }`
    : undefined;
}

const hex = (...bytes: number[]) => bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('');

/** Parts of a key or value take multiples of four bytes. */
const hexPort = (port: number) => hex(port >> 8, port & 255, 0, 0);

function hexAddress(text: string): string {
  const { value, bits } = parseAddress(text)!;
  return value.toString(16).padStart(bits / 4, '0');
}
