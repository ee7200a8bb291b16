import { chooseLink } from '../model/links.ts';
import { networkFromBody } from '../model/options.ts';
import { parsePrefix } from './addresses.ts';
import { AddressPool, checkIpam, DEFAULT_POOLS, type IpamConfig, pickSubnet } from './ipam.ts';
import { allocateSubnets, subnetOf } from './pools.ts';

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

  test('that overlap each other are told of before their number is', () => {
    const create = (...subnets: string[]) =>
      networkFromBody(
        { Name: 'n', IPAM: { Config: subnets.map((Subnet) => ({ Subnet })) } },
        () => undefined,
        () => false,
      );
    expect(() => create('10.7.0.0/24', '10.7.0.0/24')).toThrow('Pool overlaps with other one');
    expect(() => create('10.7.0.0/24', '10.8.0.0/24')).toThrow('multiple subnets');
  });

  test('of a VLAN that cannot be have no link', () => {
    const record = networkFromBody(
      { Name: 'n', Driver: 'macvlan', Options: { parent: 'nosuch0.9999' } },
      () => undefined,
      () => false,
    );
    expect(() => chooseLink(record, [])).toThrow('vlan id must be between 1-4094, received: 9999');
  });

  test('have their gateway in the range that containers have their addresses from', () => {
    const made = (config: IpamConfig) => subnetOf(parsePrefix(config.Subnet!)!, config).gateway;
    expect(made({ Subnet: '10.7.0.0/24', IPRange: '10.7.0.64/26' })).toBe('10.7.0.64');
    expect(made({ Subnet: '10.7.0.0/24', IPRange: '10.7.0.0/25' })).toBe('10.7.0.1');
    expect(made({ Subnet: 'fd77::/127' })).toBe('fd77::1');
    for (const full of [
      { Subnet: 'fd77::/128' },
      { Subnet: '10.7.0.0/24', IPRange: '10.7.0.255/32' },
      { Subnet: '10.7.0.0/24', IPRange: '10.7.0.0/32' },
    ])
      expect(() => made(full)).toThrow('failed to allocate gateway (): no available addresses on this pool');
    expect(() => made({ Subnet: 'fd77::/64', Gateway: 'fd77::' })).toThrow(
      '(fd77::): Address already in use',
    );
  });

  test('that name a size alone are of the pools, but to older clients', () => {
    const body = { Name: 'n', IPAM: { Config: [{ Subnet: '0.0.0.0/0' }] } };
    const made = (sizes: boolean) => {
      const record = networkFromBody(
        body,
        () => undefined,
        () => false,
      );
      allocateSubnets(record, DEFAULT_POOLS, [holder('10.0.0.0/8', 'one')], [], undefined, sizes);
      return record.subnets[0]?.subnet;
    };
    expect(made(true)).toBe('172.17.0.0/16');
    expect(() => made(false)).toThrow('Pool overlaps with other one on this address space');
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
