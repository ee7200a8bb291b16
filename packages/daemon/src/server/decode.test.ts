import { schemaLookup } from '@berth/api-spec';
import { decodeBody, decodeParameter } from './decode.ts';

const lookup = schemaLookup();
const decode = (value: unknown, version = 51) =>
  decodeBody(lookup, lookup.ref('#/components/schemas/HostConfig'), value, version) as Record<
    string,
    unknown
  >;

test('integers are what Go can hold, and told as it tells them', () => {
  expect(() => decode({ ShmSize: 1e30 })).toThrow(
    /cannot unmarshal number 1000000000000000\d+ into .*ShmSize/,
  );
  expect(() => decode({ BlkioWeight: -1 })).toThrow('cannot unmarshal number -1 into');
  expect(() => decode({ BlkioDeviceReadBps: [{ Path: '/dev/x', Rate: -1 }] })).toThrow('of type uint64');
  expect(() => decode({ NetworkMode: 1.5 })).toThrow('cannot unmarshal number into');
  // A JSON number of 2^63 - 1 is read as 2^63.
  expect(decode({ PidsLimit: 2 ** 63 })['PidsLimit']).toBeLessThan(2 ** 63);
  expect(() => decodeParameter({ type: 'integer' }, '18446744073709551616')).toThrow('value out of range');
});

test('one string is a list of it where a list may be written so', () => {
  expect(decode({ CapAdd: 'ALL' })['CapAdd']).toEqual(['ALL']);
  expect(() => decode({ CapAdd: 'ALL' }, 52)).toThrow('cannot unmarshal string into Go struct field');
});

test('names of the language itself are members like others', () => {
  const decoded = decode(
    JSON.parse('{"Sysctls":{"__proto__":"1","constructor":"2"},"__proto__":{"Privileged":true}}'),
  );
  expect(Object.entries(decoded['Sysctls'] as object)).toEqual([
    ['__proto__', '1'],
    ['constructor', '2'],
  ]);
  expect(decoded['Privileged']).toBeUndefined();
});

test('addresses and ports are read as such from the version on in which they have types', () => {
  const body = { Dns: ['x'], PortBindings: { 80: [{ HostIp: '0.0.0.0' }] } };
  expect(decode(body, 51)).toEqual(body);
  expect(() => decode(body, 52)).toThrow('invalid JSON: ParseAddr("x"): unable to parse IP');
  expect(decode({ PortBindings: body.PortBindings }, 52)).toEqual({
    PortBindings: { '80/tcp': [{ HostIp: '0.0.0.0' }] },
  });
});
