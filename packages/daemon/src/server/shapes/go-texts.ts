import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { invalidParameter } from '../../base/errors.ts';

/**
 * Texts that engine 29 has as types of their own, which its decoder reads: a wrong one is refused while the body is read,
 * with the words of Go's parsers, and a right one goes on in its usual spelling.
 */

/** Readers by the name of the Go type (`x-go-text`, `x-go-keys` in the API document). The empty text is none of them. */
const READERS = {
  'netip.Addr': readAddress,
  'netip.Prefix': readPrefix,
  'network.HardwareAddr': readHardwareAddress,
  'network.Port': readPort,
};

/** The text as its type spells it. @throws invalid-parameter where it is none of that type. */
export function readGoText(type: keyof typeof READERS, text: string): string {
  return text === '' ? text : READERS[type](text);
}

const refused = (text: string) => invalidParameter(`invalid JSON: ${text}`);

function readAddress(text: string): string {
  const why = addressProblem(text);
  if (why !== undefined) throw refused(`ParseAddr(${JSON.stringify(text)}): ${why}`);
  return usual(text);
}

/** Why an address is none; undefined: it is one. */
function addressProblem(text: string): string | undefined {
  const mark = /[.:%]/.exec(text)?.[0];
  if (mark === undefined) return 'unable to parse IP';
  if (mark === '%') return 'missing IPv6 address';
  if (isIP(text)) return undefined;
  return mark === '.' ? problemOfFour(text) : 'unable to parse IP';
}

function problemOfFour(text: string): string {
  const fields = text.split('.');
  for (const [index, field] of fields.entries()) {
    const odd = /\D/.exec(field);
    if (odd) {
      const rest = [field.slice(odd.index), ...fields.slice(index + 1)].join('.');
      return `unexpected character (at ${JSON.stringify(rest)})`;
    }
    if (field === '') {
      const rest = `.${fields.slice(index + 1).join('.')}`;
      return `IPv4 field must have at least one digit (at ${JSON.stringify(rest)})`;
    }
    if (field.length > 1 && field.startsWith('0')) return 'IPv4 field has octet with leading zero';
    if (Number(field) > 255) return 'IPv4 field has value >255';
  }
  return fields.length < 4 ? 'IPv4 address too short' : 'IPv4 address too long';
}

function usual(text: string): string {
  const [address = '', zone] = text.split('%');
  const parsed = ipaddr.parse(address);
  if (parsed.kind() === 'ipv4') return address;
  const six = parsed as ipaddr.IPv6;
  const spelled = six.isIPv4MappedAddress() ? `::ffff:${six.toIPv4Address()}` : six.toRFC5952String();
  return zone === undefined ? spelled : `${spelled}%${zone}`;
}

function readPrefix(text: string): string {
  const wrong = (why: string) => refused(`netip.ParsePrefix(${JSON.stringify(text)}): ${why}`);
  const slash = text.lastIndexOf('/');
  if (slash === -1) throw wrong("no '/'");
  const [address, bits] = [text.slice(0, slash), text.slice(slash + 1)];
  const why = addressProblem(address);
  if (why !== undefined) throw wrong(`ParseAddr(${JSON.stringify(address)}): ${why}`);
  if (address.includes('%')) throw wrong('IPv6 zones cannot be present in a prefix');
  if (!/^(0|[1-9]\d*)$/.test(bits)) throw wrong(`bad bits after slash: ${JSON.stringify(bits)}`);
  if (Number(bits) > (isIP(address) === 4 ? 32 : 128)) throw wrong('prefix length out of range');
  return `${usual(address)}/${bits}`;
}

/** Hardware addresses of 6, 8 and 20 bytes: in pairs of digits by `:` or `-`, or in fours by `.`. */
const HARDWARE =
  /^(?:[\da-f]{2}(?:(?:([:-])[\da-f]{2})(?:\1[\da-f]{2}){4}(?:\1[\da-f]{2}){0,14})|[\da-f]{4}(?:\.[\da-f]{4}){2,9})$/i;

function readHardwareAddress(text: string): string {
  const digits = HARDWARE.test(text) ? text.replace(/[:.-]/g, '').toLowerCase() : '';
  if (![12, 16, 40].includes(digits.length)) throw refused(`address ${text}: invalid MAC address`);
  return digits.match(/../g)!.join(':');
}

function readPort(text: string): string {
  const [, port = '', protocol = ''] = /^([^/]*)\/?(.*)$/s.exec(text)!;
  const why = portProblem(port);
  if (why !== undefined) throw refused(`invalid port '${port}': ${why}`);
  return `${Number(port)}/${protocol.toLowerCase() || 'tcp'}`;
}

function portProblem(port: string): string | undefined {
  if (port === '') return 'value is empty';
  if (!/^\d+$/.test(port)) return 'invalid syntax';
  return Number(port) > 0xffff ? 'value out of range' : undefined;
}
