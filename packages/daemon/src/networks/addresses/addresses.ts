import { isIP, isIPv4, isIPv6 } from 'node:net';
import ipaddr from 'ipaddr.js';

/** An IP address as a number, with its family's width. */
export interface Address {
  value: bigint;
  /** 32 or 128. */
  bits: number;
}

/** A range of addresses that share `prefix` leading bits; `value` has no bit set below. */
export interface Prefix extends Address {
  prefix: number;
}

/** Reads an address of either family; undefined when it is none. */
export function parseAddress(text: string): Address | undefined {
  if (!isIP(text) || text.includes('%')) return undefined;
  const bytes = ipaddr.parse(text).toByteArray();
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  return { value, bits: bytes.length * 8 };
}

/** The usual text of an address. */
export function formatAddress({ value, bits }: Address): string {
  const bytes: number[] = [];
  for (let shift = bits - 8; shift >= 0; shift -= 8) bytes.push(Number((value >> BigInt(shift)) & 0xffn));
  if (bits === 32) return bytes.join('.');
  return (ipaddr.fromByteArray(bytes) as ipaddr.IPv6).toRFC5952String();
}

/** Reads `ADDRESS/PREFIX`; bits below the prefix are kept in `value` (see `network`). */
export function parsePrefix(text: string): Prefix | undefined {
  const match = /^([^/]+)\/(\d{1,3})$/.exec(text);
  const address = match && parseAddress(match[1]!);
  if (!address || Number(match[2]) > address.bits) return undefined;
  return { ...address, prefix: Number(match[2]) };
}

/** `ADDRESS/PREFIX`. */
export const formatPrefix = (prefix: Prefix): string => `${formatAddress(prefix)}/${prefix.prefix}`;

/** The range that an address with a prefix length is of. */
export function network(prefix: Prefix): Prefix {
  const host = BigInt(prefix.bits - prefix.prefix);
  return { ...prefix, value: (prefix.value >> host) << host };
}

/** The highest address of a range, the broadcast address in IPv4. */
export function lastAddress(prefix: Prefix): bigint {
  return network(prefix).value | ((1n << BigInt(prefix.bits - prefix.prefix)) - 1n);
}

/** Whether an address is in a range; one of the other family never is. */
export function contains(prefix: Prefix, address: Address): boolean {
  const host = BigInt(prefix.bits - prefix.prefix);
  return prefix.bits === address.bits && prefix.value >> host === address.value >> host;
}

/** Whether two ranges share addresses: one has to lie in the other. */
export function overlaps(a: Prefix, b: Prefix): boolean {
  return contains(a.prefix <= b.prefix ? a : b, a.prefix <= b.prefix ? b : a);
}

/** The MAC address that goes with an IPv4 address, as Docker derives it: neighbours' caches stay right when the
    address is handed out again. */
export function macOf(ipv4: string): string {
  const bytes = ipv4.split('.').map((part) => Number(part).toString(16).padStart(2, '0'));
  return ['02', '42', ...bytes].join(':');
}

/** Reads a MAC address as Go's net.ParseMAC does for 6 bytes; returns it with colons, lower case. */
export function parseMac(text: string): string | undefined {
  const match =
    /^([0-9a-f]{2})([:-])([0-9a-f]{2})\2([0-9a-f]{2})\2([0-9a-f]{2})\2([0-9a-f]{2})\2([0-9a-f]{2})$/i.exec(
      text,
    );
  if (match) return [match[1], ...match.slice(3)].join(':').toLowerCase();
  const dotted = /^([0-9a-f]{4})\.([0-9a-f]{4})\.([0-9a-f]{4})$/i.exec(text);
  return dotted ? dotted.slice(1).join('').toLowerCase().match(/../g)!.join(':') : undefined;
}

export { isIP, isIPv4, isIPv6 };
