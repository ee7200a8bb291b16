import type { NetworkInspect } from '../../networks/api.ts';
import { networkCreateFor, networkFor, networkSummaryFor } from './networks.ts';

const network = {
  Name: 'n',
  EnableIPv4: true,
  IPAM: { Driver: 'default', Options: null, Config: [{ Subnet: '10.0.0.0/24' }, { Subnet: 'fd00::/64' }] },
  gateways: { '10.0.0.0/24': '10.0.0.1', 'fd00::/64': '' },
  Containers: { a: {} },
  Status: { IPAM: {} },
} as unknown as NetworkInspect;

test('a network has what its version had', () => {
  const { gateways, EnableIPv4, Status, ...oldest } = network;
  expect(networkFor(47, network)).toEqual(oldest);
  expect(networkFor(51, network)).toEqual({ ...oldest, EnableIPv4: true });
  expect(networkFor(52, network)).toEqual({
    ...oldest,
    EnableIPv4: true,
    Status,
    IPAM: {
      ...oldest.IPAM,
      Config: [
        { Subnet: '10.0.0.0/24', IPRange: '', Gateway: '10.0.0.1' },
        { Subnet: 'fd00::/64', IPRange: '', Gateway: '' },
      ],
    },
  });
  expect(gateways).toBeDefined();
  expect(EnableIPv4).toBe(true);
  expect(networkSummaryFor(52, network)).toMatchObject({ Containers: {} });
  expect(networkSummaryFor(27, network)).toMatchObject({ Containers: { a: {} } });
});

test('addresses without a subnet ask for nothing, or are refused, from 1.52 on', () => {
  const create = (...Config: object[]) => ({ Name: 'n', EnableIPv4: true, IPAM: { Config } });
  const both = create({}, { Subnet: '10.0.0.0/24' });
  expect(networkCreateFor(52, both)).toEqual(create({ Subnet: '10.0.0.0/24' }));
  expect(networkCreateFor(51, both)).toEqual(both);
  expect(networkCreateFor(47, both)).not.toHaveProperty('EnableIPv4');
  expect(() => networkCreateFor(52, create({ Gateway: '10.0.0.1' }))).toThrow(
    "invalid network config:\ninvalid gateway 10.0.0.1: parent subnet invalid Prefix doesn't contain this address",
  );
  expect(() => networkCreateFor(52, create({ IPRange: '10.0.0.0/24', Gateway: 'fd00::1' }))).toThrow(
    'invalid gateway fd00::1: parent subnet is an IPv4 block',
  );
});
