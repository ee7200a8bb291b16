import {
  type Address,
  contains,
  formatAddress,
  formatPrefix,
  lastAddress,
  network,
  overlaps,
  type Prefix,
  parseAddress,
  parsePrefix,
} from './addresses.ts';

/** The pool that addresses of one subnet come from, and which of them are taken. */
export class AddressPool {
  readonly subnet: Prefix;
  /** Addresses are handed out from here; a static one may be anywhere in the subnet. */
  readonly range: Prefix;
  readonly #taken = new Set<bigint>();
  /** No address of the range below this one is free. */
  #lowest: bigint;

  constructor(subnet: Prefix, range: Prefix = subnet) {
    this.subnet = network(subnet);
    this.range = network(range);
    this.#lowest = this.range.value;
  }

  /** The lowest free address; undefined when there is none. */
  take(): string | undefined {
    const last = lastAddress(this.range);
    for (let value = this.#lowest; value <= last; value++) {
      this.#lowest = value + 1n;
      if (this.#taken.has(value) || this.#reserved(value)) continue;
      this.#taken.add(value);
      return formatAddress({ value, bits: this.subnet.bits });
    }
    return undefined;
  }

  /** Takes that very address; false when it is taken, reserved or of another subnet. */
  reserve(text: string): boolean {
    const address = parseAddress(text);
    if (!address || !contains(this.subnet, address)) return false;
    if (this.#taken.has(address.value) || this.#reserved(address.value)) return false;
    this.#taken.add(address.value);
    return true;
  }

  /** How many addresses are in use, the reserved ones too, and how many can still be handed out without being asked for. */
  counts(): { used: number; available: bigint } {
    const size = lastAddress(this.range) - this.range.value + 1n;
    let unavailable = 0n;
    for (const value of this.#taken)
      if (contains(this.range, { value, bits: this.subnet.bits })) unavailable++;
    let edges = 0;
    for (const value of new Set([this.subnet.value, lastAddress(this.subnet)])) {
      if (!this.#reserved(value)) continue;
      edges++;
      if (contains(this.range, { value, bits: this.subnet.bits })) unavailable++;
    }
    return { used: this.#taken.size + edges, available: size - unavailable };
  }

  free(text: string): void {
    const address = parseAddress(text);
    if (!address || !this.#taken.delete(address.value)) return;
    if (contains(this.range, address) && address.value < this.#lowest) this.#lowest = address.value;
  }

  /** The subnet's own address and, for IPv4, the broadcast address; one of one or two IPv4 addresses has neither. */
  #reserved(value: bigint): boolean {
    const { bits, prefix } = this.subnet;
    if (bits === 32 && bits - prefix <= 1) return false;
    return value === this.subnet.value || (bits === 32 && value === lastAddress(this.subnet));
  }
}

/** A range that subnets of `size` leading bits are cut from. */
export interface PoolBase {
  base: string;
  size: number;
}

/** The address pools of dockerd without `default-address-pools`. */
export const DEFAULT_POOLS: readonly PoolBase[] = [
  { base: '172.17.0.0/16', size: 16 },
  { base: '172.18.0.0/16', size: 16 },
  { base: '172.19.0.0/16', size: 16 },
  { base: '172.20.0.0/14', size: 16 },
  { base: '172.24.0.0/14', size: 16 },
  { base: '172.28.0.0/14', size: 16 },
  { base: '192.168.0.0/16', size: 20 },
];

/** A range in use, and by whom, for the error that says so. */
export interface Holder {
  range: Prefix;
  name: string;
}

/**
 * The first subnet of the pools that overlaps with nothing in use; else the holders that stand in the way.
 * A pool of /8 cut into /24 has 65,536 subnets: those that a holder covers are skipped in one step.
 */
export function pickSubnet(
  pools: readonly PoolBase[],
  bits: 32 | 128,
  used: readonly Holder[],
): { subnet: Prefix } | { holders: Holder[] } {
  const inTheWay = new Set<Holder>();
  for (const { base, size } of pools) {
    const pool = parsePrefix(base);
    if (!pool || pool.bits !== bits || size < pool.prefix || size > bits) continue;
    const step = 1n << BigInt(bits - size);
    const last = lastAddress(pool);
    let value = network(pool).value;
    while (value <= last) {
      const candidate: Prefix = { value, bits, prefix: size };
      const holder = used.find(({ range }) => overlaps(range, candidate));
      if (!holder) return { subnet: candidate };
      inTheWay.add(holder);
      const after = lastAddress(holder.range) + 1n;
      const next = value + step;
      value = after > next ? ((after + step - 1n) / step) * step : next;
    }
  }
  return { holders: [...inTheWay] };
}

/** An IPAM configuration of one address family. */
export interface IpamConfig {
  Subnet?: string;
  IPRange?: string;
  Gateway?: string;
  AuxiliaryAddresses?: Record<string, string>;
}

/** Checks a network's IPAM configuration as dockerd does; returns what is wrong, in its words. */
export function checkIpam(configs: readonly IpamConfig[], ipv6: boolean): string[] {
  const wrong: string[] = [];
  for (const { Subnet = '', IPRange, Gateway, AuxiliaryAddresses } of configs) {
    const subnet = parsePrefix(Subnet);
    if (!subnet) {
      wrong.push(`invalid subnet ${Subnet}: invalid CIDR block notation`);
      continue;
    }
    if (subnet.bits === 128 && !ipv6) continue; // left out, as an IPv6 subnet is where IPv6 is off
    if (network(subnet).value !== subnet.value)
      wrong.push(`invalid subnet ${Subnet}: it should be ${formatPrefix(network(subnet))}`);
    if (IPRange) wrong.push(...checkRange(IPRange, subnet, Subnet));
    if (Gateway) checkMember(wrong, `gateway ${Gateway}`, Gateway, subnet);
    for (const [name, address] of Object.entries(AuxiliaryAddresses ?? {}))
      checkMember(wrong, `auxiliary address ${name}`, address, subnet);
  }
  return wrong;
}

function checkRange(text: string, subnet: Prefix, shown: string): string[] {
  const range = parsePrefix(text);
  if (!range) return [`invalid ip-range ${text}: invalid CIDR block notation`];
  if (range.bits !== subnet.bits)
    return [`invalid ip-range ${text}: parent subnet is an ${family(subnet)} block`];
  const wrong: string[] = [];
  if (range.prefix < subnet.prefix)
    wrong.push(`invalid ip-range ${text}: CIDR block is bigger than its parent subnet ${shown}`);
  if (network(range).value !== range.value)
    wrong.push(`invalid ip-range ${text}: it should be ${formatPrefix(network(range))}`);
  if (!overlaps(subnet, range))
    wrong.push(`invalid ip-range ${text}: parent subnet ${shown} doesn't contain ip-range`);
  return wrong;
}

const family = ({ bits }: Prefix) => (bits === 32 ? 'IPv4' : 'IPv6');

function checkMember(wrong: string[], what: string, text: string, subnet: Prefix): void {
  const address: Address | undefined = parseAddress(text);
  if (!address) wrong.push(`invalid ${what}: invalid address`);
  else if (address.bits !== subnet.bits)
    wrong.push(`invalid ${what}: parent subnet is an ${family(subnet)} block`);
  else if (!contains(subnet, address))
    wrong.push(`invalid ${what}: parent subnet ${formatPrefix(subnet)} doesn't contain this address`);
}
