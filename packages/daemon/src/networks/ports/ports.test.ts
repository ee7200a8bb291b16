import type { NetworkRequest } from '../api.ts';
import { guardsOf, parseSources } from '../firewall/publish-sources.ts';
import { defaultRequest } from '../request.ts';
import { byUrgency, PortTable, parsePort, portWishes } from './ports.ts';
import { operationsOf } from './publish.ts';

const request = (change: Partial<NetworkRequest>): NetworkRequest =>
  defaultRequest({ id: 'a'.repeat(64), name: 'c', hostname: 'h', folder: '/nowhere', ...change });

describe('ports', () => {
  test('are read with ranges and protocols', () => {
    expect(parsePort('80')).toEqual({ from: 80, to: 80, protocol: 'tcp' });
    expect(parsePort('80-82/UDP')).toEqual({ from: 80, to: 82, protocol: 'udp' });
    for (const bad of ['x', '82-80', '70000', '80/foo', ''])
      expect(() => parsePort(bad)).toThrow(`invalid port specification: "${bad}"`);
  });

  test('are wished for by bindings, and by exposure where all are published', () => {
    const wishes = portWishes(
      request({
        portBindings: { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '8000-8001' }], '81/tcp': null },
        exposedPorts: ['80/tcp', '9/udp'],
        publishAll: true,
      }),
    );
    expect(wishes).toEqual([
      { protocol: 'tcp', containerPort: 80, hostIp: '127.0.0.1', from: 8000, to: 8001 },
      { protocol: 'tcp', containerPort: 81, hostIp: '', from: 0, to: 0 },
      { protocol: 'udp', containerPort: 9, hostIp: '', from: 0, to: 0 },
    ]);
  });

  test('have their bindings shown with the last first, while those of a certain port are taken first', () => {
    const wishes = portWishes(
      request({
        portBindings: {
          '80/tcp': [
            { HostIp: '127.0.0.1', HostPort: '8001' },
            { HostIp: '127.0.0.2', HostPort: '8002' },
            { HostIp: '127.0.0.3', HostPort: '' },
          ],
        },
      }),
    );
    expect(wishes.map(({ hostIp }) => hostIp)).toEqual(['127.0.0.3', '127.0.0.2', '127.0.0.1']);
    expect(byUrgency(wishes).map(({ from }) => from)).toEqual([8002, 8001, 0]);
  });

  test('are taken once, and by all addresses for each', () => {
    const table = new PortTable();
    expect(table.take('tcp', '0.0.0.0', 80, 'a')).toBe(true);
    expect(table.take('tcp', '127.0.0.1', 80, 'b')).toBe(false);
    expect(table.take('udp', '127.0.0.1', 80, 'b')).toBe(true);
    table.free('tcp', '0.0.0.0', 80, 'b');
    expect(table.take('tcp', '0.0.0.0', 80, 'b')).toBe(false);
    table.free('tcp', '0.0.0.0', 80, 'a');
    expect(table.take('tcp', '127.0.0.1', 80, 'b')).toBe(true);
  });

  test('of which sources are listed are guarded', () => {
    const ports = [
      { protocol: 'tcp' as const, containerPort: 80, hostIp: '0.0.0.0', hostPort: 8080 },
      { protocol: 'udp' as const, containerPort: 53, hostIp: '0.0.0.0', hostPort: 5300 },
    ];
    expect(guardsOf(parseSources('80/tcp=10.0.0.0/8,192.0.2.1'), ports)).toEqual([
      { protocol: 'tcp', hostPort: 8080, sources: ['10.0.0.0/8', '192.0.2.1/32'] },
    ]);
    expect(() => parseSources('80=x')).toThrow('invalid rule of berth.publish.allow: 80=x');
  });
});

test('an operation with more words than a record has room for becomes several', () => {
  const words = Array.from({ length: 450 }, (_, index) => `udp=${20000 + index}`);
  const records = operationsOf('forget', words);
  expect(records.map(([name, ...some]) => [name, some.length])).toEqual([
    ['forget', 200],
    ['forget', 200],
    ['forget', 50],
  ]);
  expect(records.flatMap(([, ...some]) => some)).toEqual(words);
  expect(operationsOf('close', [])).toEqual([]);
});
