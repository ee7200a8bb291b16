import { readFileSync } from 'node:fs';
import { meaningOf, signalOf } from '../why/exit-codes.ts';
import { capabilitiesOf } from './capabilities.ts';
import { statusField } from './proc.ts';
import { insideId, readMaps } from './processes.ts';
import { addressOf, isLoopback } from './sockets.ts';

/* How texts of /proc are read. */

test.each([
  ['0100007F', '127.0.0.1'],
  ['00000000', '0.0.0.0'],
  ['0101A8C0', '192.168.1.1'],
  ['00000000000000000000000001000000', '::1'],
  ['00000000000000000000000000000000', '::'],
  ['0000000000000000FFFF00000101A8C0', '192.168.1.1'],
  ['B80D0120000000000000000001000000', '2001:db8::1'],
])('the address %s is %s', (hex, address) => expect(addressOf(hex)).toBe(address));

test('an address is of the loopback or not', () => {
  expect(['127.0.0.11', '::1', '10.127.0.1', '::'].map(isLoopback)).toEqual([true, true, false, false]);
});

test('capabilities of a mask, those of newer kernels by their number', () => {
  expect(capabilitiesOf('00000000000000a1')).toEqual(['CAP_CHOWN', 'CAP_KILL', 'CAP_SETUID']);
  expect(capabilitiesOf((1n << 60n).toString(16))).toEqual(['CAP_60']);
  expect(capabilitiesOf('')).toEqual([]);
});

test('ids of the host are told as those inside', () => {
  const maps = [
    { Inside: 0, Host: 100_000, Size: 10 },
    { Inside: 1000, Host: 5, Size: 1 },
  ];
  expect([100_000, 100_009, 100_010, 5].map((host) => insideId(maps, host))).toEqual([0, 9, 65_534, 1000]);
  expect(readMaps(process.pid, 'uid')[0]).toEqual({ Inside: 0, Host: 0, Size: 4_294_967_295 });
});

test('a field of a status is its own line', () => {
  expect(statusField('Name:\tPid: 7\nPid:\t42\nPPid:\t1\n', 'Pid')).toBe('42');
  expect(statusField('', 'Pid')).toBe('');
  expect(statusField(readFileSync('/proc/self/status', 'utf8'), 'Pid')).toBe(String(process.pid));
});

test('exit codes have a meaning, and those of signals their names', () => {
  expect([137, 139, 128, 0, 200].map(signalOf)).toEqual([
    'SIGKILL',
    'SIGSEGV',
    undefined,
    undefined,
    undefined,
  ]);
  expect(meaningOf(127)).toBe('a command that was not found');
  expect(meaningOf(99)).toBe('an error of its own kind');
});
