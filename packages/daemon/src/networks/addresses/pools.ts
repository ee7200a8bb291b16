import type { NetWorker } from '@berth/native/net.ts';
import { forbidden, invalidParameter, notFound, systemError } from '../../base/errors.ts';
import type { NetworkRecord, SubnetRecord } from '../model/records.ts';
import { formatAddress, formatPrefix, network, overlaps, type Prefix, parsePrefix } from './addresses.ts';
import { AddressPool, type Holder, type IpamConfig, type PoolBase, pickSubnet } from './ipam.ts';

/** The address pools of one network, by family. */
export interface NetworkPools {
  v4?: AddressPool;
  v6?: AddressPool;
}

/** Ranges the host routes somewhere that is not one of `ours`: they can't be given to a network. */
export async function routedRanges(worker: NetWorker, ours: ReadonlySet<string>): Promise<Holder[]> {
  const [result] = await worker.call(['taken']);
  const holders: Holder[] = [];
  for (const [, cidr, device] of result!.rows) {
    const range = parsePrefix(cidr!);
    if (range && !ours.has(device!)) holders.push({ range, name: `the host's route through ${device}` });
  }
  return holders;
}

/** The subnets of other networks. */
export function heldRanges(records: Iterable<NetworkRecord>): Holder[] {
  const holders: Holder[] = [];
  for (const { name, subnets } of records)
    for (const { subnet } of subnets) holders.push({ range: parsePrefix(subnet)!, name: `network ${name}` });
  return holders;
}

/** A subnet that names nothing but its size (`0.0.0.0/24`, `::/96`): one of the pools, of that size. */
const isUnspecified = ({ Subnet }: IpamConfig): boolean =>
  Subnet !== undefined && parsePrefix(Subnet)?.value === 0n;

/** The pools that subnets of a size can be cut from, in that size. @throws system when there is none */
function sized(pools: readonly PoolBase[], { Subnet }: IpamConfig): PoolBase[] {
  const { bits, prefix } = parsePrefix(Subnet!)!;
  if (prefix === 0) return [...pools];
  const fitting = pools.filter(({ base }) => {
    const pool = parsePrefix(base);
    return pool?.bits === bits && pool.prefix <= prefix;
  });
  if (fitting.length === 0)
    throw systemError(`invalid pool: no address pool of the daemon is as large as ${Subnet}`);
  return fitting.map(({ base }) => ({ base, size: prefix }));
}

/**
 * Gives a new network its subnets: those asked for, and one from the pools where a family has none. Fills the record.
 * A network that is `gatewayless` has no gateway but one that is asked for. `sizes`: a subnet that names its size alone is
 * cut from the pools; else it is taken as it is written.
 * @throws forbidden for an overlap; not-found when the pools are used up, naming who holds them.
 */
export function allocateSubnets(
  record: NetworkRecord,
  pools: readonly PoolBase[],
  held: readonly Holder[],
  routed: readonly Holder[],
  gatewayless: { v4: boolean; v6: boolean } = { v4: false, v6: false },
  sizes = true,
): void {
  const wanted = record.ipamConfig.filter(({ Subnet }) => Subnet && (record.ipv6 || !Subnet.includes(':')));
  const unspecified = sizes ? wanted.filter(isUnspecified) : [];
  for (const { Subnet, IPRange } of unspecified)
    if (IPRange) throw invalidParameter(`invalid ip-range ${IPRange}: the subnet ${Subnet} is not known yet`);
  const asked = wanted.filter((config) => !unspecified.includes(config));
  record.ipamConfig = record.ipamConfig.filter((config) => !unspecified.includes(config));
  const skips = (subnet: Prefix) => (subnet.bits === 32 ? gatewayless.v4 : gatewayless.v6);
  const subnets: SubnetRecord[] = [];
  for (const config of asked) {
    const subnet = parsePrefix(config.Subnet!)!;
    const mine = subnets.map((other) => ({ range: parsePrefix(other.subnet)!, name: record.name }));
    if ([...held, ...mine].some(({ range }) => overlaps(range, subnet)))
      throw forbidden('Pool overlaps with other one on this address space');
    subnets.push(subnetOf(subnet, config, skips(subnet)));
  }
  for (const bits of [32, 128] as const) {
    if (bits === 128 ? !record.ipv6 : !record.ipv4) continue;
    if (asked.some(({ Subnet }) => Subnet!.includes(':') === (bits === 128))) continue;
    const size = unspecified.find(({ Subnet }) => Subnet!.includes(':') === (bits === 128));
    const picked = pickSubnet(size ? sized(pools, size) : pools, bits, [...held, ...routed]);
    if (!('subnet' in picked)) throw usedUp(bits, picked.holders);
    const made = subnetOf(picked.subnet, {}, skips(picked.subnet));
    subnets.push(made);
    record.ipamConfig.push({ Subnet: made.subnet, ...(made.gateway && { Gateway: made.gateway }) });
  }
  record.subnets = subnets;
}

function usedUp(bits: 32 | 128, holders: readonly Holder[]) {
  const family = bits === 32 ? 'IPv4' : 'IPv6';
  const text = `could not find an available, non-overlapping ${family} address pool among the defaults to assign to the network`;
  const listed = holders.slice(0, 8).map(({ range, name }) => `${formatPrefix(range)} is held by ${name}`);
  if (holders.length > 8) listed.push(`and ${holders.length - 8} more`);
  return notFound(listed.length > 0 ? `${text}: ${listed.join(', ')}` : text);
}

/**
 * A subnet with its gateway ('': none) and what else is not for containers. `gatewayless`: none unless it is asked for.
 * @throws system for an address taken twice.
 */
export function subnetOf(subnet: Prefix, config: IpamConfig, gatewayless = false): SubnetRecord {
  const range = config.IPRange ? parsePrefix(config.IPRange) : undefined;
  const whole = new AddressPool(network(subnet), range);
  const gateway = gatewayIn(whole, config.Gateway, gatewayless);
  const reserved: string[] = [];
  for (const [name, address] of Object.entries(config.AuxiliaryAddresses ?? {})) {
    if (!whole.reserve(address))
      throw systemError(
        `failed to allocate secondary ip address (${name}:${address}): Address already in use`,
      );
    reserved.push(address);
  }
  return {
    subnet: formatPrefix(network(subnet)),
    range: config.IPRange ?? '',
    gateway,
    reserved,
    asked: config.Subnet !== undefined,
  };
}

/** The gateway that is asked for, or the first address of the range; '' for none. @throws system where there is none */
function gatewayIn(whole: AddressPool, asked: string | undefined, gatewayless: boolean): string {
  const isFull = whole.counts().available === 0n;
  if (!asked && gatewayless) return '';
  const taken = asked
    ? formatAddress({ ...parsePrefix(`${asked}/${whole.subnet.bits}`)! })
    : (whole.take() ?? '');
  if (isFull || taken === '')
    throw systemError(`failed to allocate gateway (${asked ?? ''}): no available addresses on this pool`);
  if (asked && !whole.reserve(taken))
    throw systemError(`failed to allocate gateway (${asked}): Address already in use`);
  return taken;
}

/** The pools of a network, with what is not for containers taken out. */
export function poolsOf(record: NetworkRecord): NetworkPools {
  const pools: NetworkPools = {};
  for (const { subnet, range, gateway, reserved } of record.subnets) {
    const parsed = parsePrefix(subnet)!;
    const pool = new AddressPool(parsed, range ? parsePrefix(range) : undefined);
    for (const address of [gateway, ...reserved]) if (address) pool.reserve(address);
    pools[parsed.bits === 32 ? 'v4' : 'v6'] = pool;
  }
  return pools;
}

/** The subnet of a family. */
export function subnetFor(record: NetworkRecord, family: 4 | 6): SubnetRecord | undefined {
  return record.subnets.find(({ subnet }) => subnet.includes(':') === (family === 6));
}

/** The leading bits that a subnet's addresses share; 0 where there is no subnet. */
export const prefixLength = (subnet: SubnetRecord | undefined): number =>
  subnet ? Number(subnet.subnet.split('/')[1]) : 0;
