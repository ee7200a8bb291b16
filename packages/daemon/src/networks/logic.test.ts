import { parsePrefix } from './addresses/addresses.ts';
import { AddressPool, checkIpam, DEFAULT_POOLS, pickSubnet } from './addresses/ipam.ts';
import { allocateSubnets } from './addresses/pools.ts';
import type { NetworkRequest } from './api.ts';
import { hostsFile, ownNames, parseResolvConf, resolvConf } from './endpoints/files.ts';
import { parseEgress } from './firewall/egress.ts';
import { portChange } from './firewall/elements.ts';
import { ruleset } from './firewall/firewall.ts';
import { guardsOf, parseSources } from './firewall/publish-sources.ts';
import { networkFromBody, withDefaults } from './model/options.ts';
import { PortTable, parsePort, portWishes } from './ports/ports.ts';
import { plainRequest } from './testing.ts';

const pool = (subnet: string, range?: string) =>
  new AddressPool(parsePrefix(subnet)!, range ? parsePrefix(range) : undefined);

describe('an address pool', () => {
  test('hands out the lowest free address and never the first, the last or a reserved one', () => {
    const small = pool('10.0.0.0/29');
    expect(small.reserve('10.0.0.1')).toBe(true);
    const got = [1, 2, 3, 4, 5].map(() => small.take());
    expect(got).toEqual(['10.0.0.2', '10.0.0.3', '10.0.0.4', '10.0.0.5', '10.0.0.6']);
    expect(small.take()).toBeUndefined();
    small.free('10.0.0.4');
    expect(small.take()).toBe('10.0.0.4');
  });

  test('takes static addresses outside of its range, but not twice and not of another subnet', () => {
    const ranged = pool('10.0.0.0/24', '10.0.0.128/25');
    expect(ranged.take()).toBe('10.0.0.128');
    expect(ranged.reserve('10.0.0.9')).toBe(true);
    expect(ranged.reserve('10.0.0.9')).toBe(false);
    expect(ranged.reserve('10.0.1.9')).toBe(false);
    expect(ranged.reserve('10.0.0.255')).toBe(false);
  });

  test('of IPv6 is not walked through, and counts what is left', () => {
    const six = pool('fd00::/64');
    expect(six.take()).toBe('fd00::1');
    expect(six.counts()).toEqual({ used: 2, available: 2n ** 64n - 2n });
  });

  test('of two addresses has both of them', () => {
    const pair = pool('10.0.0.0/31');
    expect([pair.take(), pair.take(), pair.take()]).toEqual(['10.0.0.0', '10.0.0.1', undefined]);
  });
});

describe('subnets', () => {
  const holder = (range: string, name: string) => ({ range: parsePrefix(range)!, name });

  test('are cut from the pools around what is in use', () => {
    const used = [holder('172.17.0.0/16', 'network bridge'), holder('172.16.0.0/14', 'a route')];
    const picked = pickSubnet(DEFAULT_POOLS, 32, used);
    expect('subnet' in picked && picked.subnet.value).toBe(parsePrefix('172.20.0.0/16')!.value);
  });

  test('that run out are told with who holds them', () => {
    const record = networkFromBody(
      { Name: 'n' },
      () => undefined,
      () => false,
    );
    const held = [holder('10.7.0.0/25', 'network one'), holder('10.7.0.128/25', 'network two')];
    expect(() => allocateSubnets(record, [{ base: '10.7.0.0/24', size: 25 }], held, [])).toThrow(
      'could not find an available, non-overlapping IPv4 address pool among the defaults to assign to the network: ' +
        '10.7.0.0/25 is held by network one, 10.7.0.128/25 is held by network two',
    );
  });

  test('that overlap are refused', () => {
    const body = { Name: 'n', IPAM: { Config: [{ Subnet: '10.7.0.0/25' }] } };
    const record = networkFromBody(
      body,
      () => undefined,
      () => false,
    );
    expect(() => allocateSubnets(record, [], [holder('10.0.0.0/8', 'network one')], [])).toThrow(
      'Pool overlaps with other one on this address space',
    );
  });

  test('are checked as dockerd does', () => {
    const wrong = [
      { Subnet: '10.1.2.3/24' },
      { Subnet: '10.99.2.0/24', IPRange: '10.1.0.0/16', Gateway: 'fd00::1' },
    ];
    expect(checkIpam(wrong, false)).toEqual([
      'invalid subnet 10.1.2.3/24: it should be 10.1.2.0/24',
      'invalid ip-range 10.1.0.0/16: CIDR block is bigger than its parent subnet 10.99.2.0/24',
      "invalid ip-range 10.1.0.0/16: parent subnet 10.99.2.0/24 doesn't contain ip-range",
      'invalid gateway fd00::1: parent subnet is an IPv4 block',
    ]);
  });
});

const request = (change: Partial<NetworkRequest>): NetworkRequest =>
  plainRequest({ id: 'a'.repeat(64), name: 'c', hostname: 'h', folder: '/nowhere', ...change });

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

describe('the firewall', () => {
  const network = {
    bridge: 'br0',
    subnet4: '10.7.0.0/24',
    subnet6: '',
    internal: false,
    icc: true,
    masquerade4: true,
    masquerade6: false,
    source4: '',
    source6: '',
    open4: false,
    open6: false,
  };
  const port = {
    protocol: 'tcp' as const,
    hostIp: '127.0.0.1',
    hostPort: 80,
    address: '10.7.0.2',
    port: 8080,
  };
  const state = { table: 't', networks: [network], ports: [port], guards: [], egress: [], links: [] };

  test('has as many rules for many networks and ports as for one', () => {
    const rules = (text: string) => text.split('\n').filter((line) => /^ {4}/.test(line)).length;
    const many = Array.from({ length: 50 }, (_, n) => ({
      ...network,
      bridge: `br${n}`,
      subnet4: `10.7.${n}.0/24`,
    }));
    const ports = Array.from({ length: 50 }, (_, n) => ({ ...port, hostPort: 1000 + n }));
    expect(rules(ruleset({ ...state, networks: many, ports }))).toBe(rules(ruleset(state)));
  });

  test('changes a port by its elements', () => {
    expect(portChange('t', [port], [{ ...port, hostIp: '::', address: 'fd00::2' }])).toBe(
      'delete element inet t anywhere6 { 6 . 80 }\n' +
        'add element inet t publish4 { 127.0.0.1 . 6 . 80 : 10.7.0.2 . 8080 }\n' +
        'add element inet t loopback4 { 127.0.0.1 . 6 . 80 }\n',
    );
    const carried = { ...port, hostIp: '::', address: '' };
    expect(portChange('t', [carried], [{ ...carried, hostIp: 'fd00::2' }])).toBe(
      'delete element inet t carriedat6 { fd00::2 . 6 . 80 }\n' + 'add element inet t carried6 { 6 . 80 }\n',
    );
  });

  test('lets egress entries name ranges, names, ports and protocols', () => {
    expect(parseEgress('10.0.0.0/8:443/tcp, [fd00::1]:53/udp *.example.org')).toEqual([
      { protocol: 'tcp', port: 443, cidr: '10.0.0.0/8' },
      { protocol: 'udp', port: 53, cidr: 'fd00::1/128' },
      { name: '*.example.org' },
    ]);
    expect(parseEgress(undefined)).toBeUndefined();
    expect(() => parseEgress('a b$')).toThrow('invalid entry of berth.egress.allow: b$');
  });
});

test("a network takes the daemon's default options of its driver, and its own first", () => {
  const ENABLE6 = 'com.docker.network.enable_ipv6';
  const defaults = { bridge: { mtu: '1234', [ENABLE6]: 'true' } };
  expect(withDefaults({ Options: { a: 'b' } }, defaults)).toEqual({
    EnableIPv6: true,
    Options: { mtu: '1234', [ENABLE6]: 'true', a: 'b' },
  });
  const own = { EnableIPv6: false, Options: { mtu: '1400' } };
  expect(withDefaults(own, defaults)).toEqual(own);
  for (const body of [{ Driver: 'macvlan' }, { ConfigFrom: { Network: 'c' } }])
    expect(withDefaults(body, defaults)).toEqual({ ...body, Options: {} });
  expect(() => withDefaults({ Options: { [ENABLE6]: 'x' } }, {})).toThrow(
    `driver-opt "${ENABLE6}" is not a valid bool`,
  );
});

describe('files', () => {
  const host = {
    nameservers: ['127.0.0.1', '192.0.2.53'],
    search: ['lan'],
    options: [],
    path: '/etc/resolv.conf',
  };
  const none = { dns: [], search: [], options: [] };

  test('resolv.conf leaves out servers that a container cannot reach', () => {
    const parsed = parseResolvConf(resolvConf('legacy', none, host, true));
    expect(parsed).toEqual({ nameservers: ['192.0.2.53'], search: ['lan'], options: [] });
  });

  test('resolv.conf names the internal resolver, and what it asks', () => {
    const text = resolvConf('internal', { ...none, search: ['.'] }, host, true);
    expect(parseResolvConf(text)).toEqual({ nameservers: ['127.0.0.11'], search: [], options: ['ndots:0'] });
    expect(text).toContain('# ExtServers: [192.0.2.53 host(127.0.0.1)]');
  });

  test('hosts has the full name first', () => {
    expect(ownNames('web', 'ex.test')).toBe('web.ex.test web');
    const text = hostsFile([['192.0.2.9', 'extra']], [], ['10.0.0.2'], ownNames('a.b.c', ''));
    expect(text.endsWith('192.0.2.9\textra\n10.0.0.2\ta.b.c a\n')).toBe(true);
  });
});
