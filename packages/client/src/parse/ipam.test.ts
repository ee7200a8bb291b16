import { ipamConfig } from './ipam.ts';

test('ranges, gateways and reserved addresses find their subnets', () => {
  expect(
    ipamConfig(['10.1.0.0/16', 'fd00::/64'], ['10.1.2.0/24'], ['fd00::1', '10.1.0.1'], {
      printer: '10.1.0.9',
      router: 'fd00::9',
    }),
  ).toEqual([
    {
      Subnet: '10.1.0.0/16',
      IPRange: '10.1.2.0/24',
      Gateway: '10.1.0.1',
      AuxiliaryAddresses: { printer: '10.1.0.9' },
    },
    { Subnet: 'fd00::/64', Gateway: 'fd00::1', AuxiliaryAddresses: { router: 'fd00::9' } },
  ]);
});

test.each<[string, Parameters<typeof ipamConfig>]>([
  ['every ip-range or gateway must have a corresponding subnet', [[], [], ['10.0.0.1'], {}]],
  ['multiple overlapping subnet configuration is not supported', [['10.0.0.0/8', '10.1.0.0/16'], [], [], {}]],
  ['no matching subnet for range 11.0.0.0/24', [['10.0.0.0/8'], ['11.0.0.0/24'], [], {}]],
  ['invalid CIDR address: 10.0.0.0/40', [['10.0.0.0/40'], [], ['10.0.0.1'], {}]],
])('%s', (message, given) => {
  expect(() => ipamConfig(...given)).toThrow(message);
});
