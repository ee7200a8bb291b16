import type { ExplainedRoute } from '../api.ts';
import { readBeginning } from './proc.ts';
import { addressOf } from './sockets.ts';

const UP = 1;

/** The routes of a process's network namespace, of both families, without the loopback's and the kernel's local ones. */
export function routesOf(pid: number): ExplainedRoute[] {
  return [
    ...parseRoutes4(readBeginning(`/proc/${pid}/net/route`) ?? ''),
    ...parseRoutes6(readBeginning(`/proc/${pid}/net/ipv6_route`) ?? ''),
  ].slice(0, 128);
}

/** Rows of /proc/net/route: interface, destination, gateway, flags ... mask, in hexadecimal. */
function parseRoutes4(text: string): ExplainedRoute[] {
  return text
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const [Interface, destination, gateway, flags, , , , mask] = line.split(/\s+/);
      if (!mask || !(Number.parseInt(flags!, 16) & UP)) return [];
      const bits = Number.parseInt(mask, 16).toString(2).replaceAll('0', '').length;
      return [
        {
          Destination: bits === 0 ? 'default' : `${addressOf(destination!)}/${bits}`,
          Gateway: /^0+$/.test(gateway!) ? '' : addressOf(gateway!),
          Interface: Interface!,
        },
      ];
    });
}

/** Rows of /proc/net/ipv6_route: destination, its length, source, its length, gateway ... flags, interface. */
function parseRoutes6(text: string): ExplainedRoute[] {
  return text.split('\n').flatMap((line) => {
    const fields = line.trim().split(/\s+/);
    const [destination, length, , , gateway] = fields;
    const Interface = fields.at(-1);
    if (fields.length < 10 || Interface === 'lo' || !destination || destination.startsWith('ff')) return [];
    const bits = Number.parseInt(length!, 16);
    if (bits === 128) return []; // the interface's own addresses
    return [
      {
        Destination: bits === 0 ? 'default' : `${addressIn6(destination)}/${bits}`,
        Gateway: /^0+$/.test(gateway!) ? '' : addressIn6(gateway!),
        Interface: Interface!,
      },
    ];
  });
}

/** Here the kernel prints the bytes in the network's order. */
function addressIn6(hex: string): string {
  return new URL(`http://[${hex.match(/.{4}/g)!.join(':')}]`).hostname.slice(1, -1);
}

/** Bytes in and out of each interface: /proc/net/dev. */
export function trafficOf(pid: number): Map<string, { in: number; out: number }> {
  const traffic = new Map<string, { in: number; out: number }>();
  for (const line of (readBeginning(`/proc/${pid}/net/dev`) ?? '').split('\n')) {
    const [name, rest] = line.split(':');
    if (rest === undefined) continue;
    const values = rest.trim().split(/\s+/).map(Number);
    traffic.set(name!.trim(), { in: values[0] ?? 0, out: values[8] ?? 0 });
  }
  return traffic;
}
