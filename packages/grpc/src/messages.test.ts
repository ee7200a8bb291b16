import { decode, encode } from './messages.ts';

describe('messages are the bytes that protobuf says', () => {
  test.each([
    ['a number and text', encode('Status', { code: 5, message: 'no' }), '0805 12026e6f'],
    ['bytes', encode('Packet', { type: 2, ID: 3, data: Buffer.from('x') }), '0802 1803 220178'],
    ['a message within', encode('Packet', { stat: { path: 'a', size: 300 } }), '1206 0a0161 28ac02'],
    ['a map', encode('SolveResponse', { ExporterResponse: { k: 'v' } }), '0a06 0a016b 120176'],
    ['a list', encode('StatusResponse', { warnings: [{ level: 1 }, { level: 2 }] }), '2202 1001 2202 1002'],
    ['one of several', encode('Result', { refDeprecated: 'r' }), '0a0172'],
    // Nanoseconds since 1970 are more than a number holds exactly.
    ['a number as text', encode('Stat', { modTime: '1700000000123456789' }), '30 959a97ece39fe7cb17'],
  ])('%s', (_what, bytes, hex) => {
    expect(bytes.toString('hex')).toBe(hex.replaceAll(' ', ''));
  });
});

test('what is absent has its zero value, a message null, one of several nothing', () => {
  expect(decode('Packet', Buffer.alloc(0))).toEqual({ type: 0, stat: null, ID: 0, data: Buffer.alloc(0) });
  expect(decode('Result', Buffer.alloc(0))).toEqual({ metadata: {} });
  expect(decode('ListWorkersResponse', Buffer.alloc(0))).toEqual({ record: [] });
});

test('a member that a newer peer sends is passed over', () => {
  expect(decode('Ref', Buffer.from('0a0169' + '9a0301ff', 'hex')).id).toBe('i');
});

test('bytes that are no message are an error', () => {
  expect(() => decode('Packet', Buffer.from('22ff01', 'hex'))).toThrow(/cut off/);
});
