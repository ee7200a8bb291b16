import { readGoText } from './go-texts.ts';

test('what is of its type goes on in its usual spelling', () => {
  expect(readGoText('netip.Addr', '10.0.0.1')).toBe('10.0.0.1');
  expect(readGoText('netip.Addr', 'FD00:0:0::1')).toBe('fd00::1');
  expect(readGoText('netip.Addr', 'fe80::1%eth0')).toBe('fe80::1%eth0');
  expect(readGoText('netip.Addr', '::ffff:10.0.0.1')).toBe('::ffff:10.0.0.1');
  expect(readGoText('netip.Prefix', '10.1.2.3/24')).toBe('10.1.2.3/24');
  expect(readGoText('network.HardwareAddr', '02-42-AC-00-00-01')).toBe('02:42:ac:00:00:01');
  expect(readGoText('network.HardwareAddr', '0242.ac00.0001')).toBe('02:42:ac:00:00:01');
  expect(readGoText('network.Port', '080')).toBe('80/tcp');
  expect(readGoText('network.Port', '53/UDP')).toBe('53/udp');
  expect(readGoText('netip.Addr', '')).toBe('');
});

const WRONG: Array<[Parameters<typeof readGoText>[0], string, string]> = [
  ['netip.Addr', 'x', 'ParseAddr("x"): unable to parse IP'],
  ['netip.Addr', '%1', 'ParseAddr("%1"): missing IPv6 address'],
  ['netip.Addr', '1.2.3', 'ParseAddr("1.2.3"): IPv4 address too short'],
  ['netip.Addr', '1.2.3.4.5', 'ParseAddr("1.2.3.4.5"): IPv4 address too long'],
  ['netip.Addr', '1.2.03.4', 'ParseAddr("1.2.03.4"): IPv4 field has octet with leading zero'],
  ['netip.Addr', '1.2.300.4', 'ParseAddr("1.2.300.4"): IPv4 field has value >255'],
  ['netip.Addr', '1.x.3.4', 'ParseAddr("1.x.3.4"): unexpected character (at "x.3.4")'],
  ['netip.Prefix', 'x', 'netip.ParsePrefix("x"): no \'/\''],
  ['netip.Prefix', 'x/8', 'netip.ParsePrefix("x/8"): ParseAddr("x"): unable to parse IP'],
  ['netip.Prefix', '10.0.0.0/33', 'netip.ParsePrefix("10.0.0.0/33"): prefix length out of range'],
  ['netip.Prefix', '10.0.0.0/08', 'netip.ParsePrefix("10.0.0.0/08"): bad bits after slash: "08"'],
  ['network.HardwareAddr', 'x', 'address x: invalid MAC address'],
  ['network.HardwareAddr', '02:42-00:00:00:01', 'address 02:42-00:00:00:01: invalid MAC address'],
  ['network.Port', 'x', "invalid port 'x': invalid syntax"],
  ['network.Port', '/tcp', "invalid port '': value is empty"],
  ['network.Port', '80-81/tcp', "invalid port '80-81': invalid syntax"],
  ['network.Port', '70000', "invalid port '70000': value out of range"],
];

test.each(WRONG)('%s %j is refused in the words of Go', (type, text, why) => {
  expect(() => readGoText(type, text)).toThrow(`invalid JSON: ${why}`);
});
