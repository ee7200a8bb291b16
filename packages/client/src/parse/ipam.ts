import { BlockList, isIP } from 'node:net';
import { CliError } from '../base/errors.ts';

/** The addresses of one subnet of a network, as the API takes them. */
export interface IpamConfig {
  Subnet?: string;
  IPRange?: string;
  Gateway?: string;
  AuxiliaryAddresses?: Record<string, string>;
}

/** The subnet holds the address, or the address a block starts with. Throws CliError. */
function holds(subnet: string, text: string): boolean {
  const [network, prefix] = block(subnet);
  const address = text.includes('/') ? block(text)[0] : text;
  const family = isIP(address);
  if (!family || family !== isIP(network)) return false;
  const range = new BlockList();
  range.addSubnet(network, prefix, family === 4 ? 'ipv4' : 'ipv6');
  return range.check(address, family === 4 ? 'ipv4' : 'ipv6');
}

function block(text: string): [string, number] {
  const [address = '', prefix = ''] = text.split('/');
  const family = isIP(address);
  if (!family || !/^\d{1,3}$/.test(prefix) || Number(prefix) > (family === 4 ? 32 : 128))
    throw new CliError(`invalid CIDR address: ${text}`);
  return [address, Number(prefix)];
}

/**
 * Sorts ranges, gateways and reserved addresses of a network to its subnets. Throws CliError with Docker's reason when
 * one belongs to none, or subnets overlap.
 */
export function ipamConfig(
  subnets: readonly string[],
  ranges: readonly string[],
  gateways: readonly string[],
  reserved: Readonly<Record<string, string>>,
): IpamConfig[] {
  if (subnets.length < ranges.length || subnets.length < gateways.length)
    throw new CliError('every ip-range or gateway must have a corresponding subnet');
  const configs: (IpamConfig & { Subnet: string })[] = [];
  for (const subnet of subnets) {
    if (configs.some((other) => holds(subnet, other.Subnet) || holds(other.Subnet, subnet)))
      throw new CliError('multiple overlapping subnet configuration is not supported');
    configs.push({ Subnet: subnet });
  }
  for (const range of ranges) {
    const config = configs.find(({ Subnet }) => holds(Subnet, range));
    if (!config) throw new CliError(`no matching subnet for range ${range}`);
    if (config.IPRange)
      throw new CliError(
        `cannot configure multiple ranges (${range}, ${config.IPRange}) on the same subnet (${config.Subnet})`,
      );
    config.IPRange = range;
  }
  for (const gateway of gateways) {
    const config = configs.find(({ Subnet }) => holds(Subnet, gateway));
    if (!config) throw new CliError(`no matching subnet for gateway ${gateway}`);
    if (config.Gateway)
      throw new CliError(
        `cannot configure multiple gateways (${gateway}, ${config.Gateway}) for the same subnet (${config.Subnet})`,
      );
    config.Gateway = gateway;
  }
  for (const [name, address] of Object.entries(reserved)) {
    const config = configs.find(({ Subnet }) => holds(Subnet, address));
    if (!config) throw new CliError(`no matching subnet for aux-address ${address}`);
    config.AuxiliaryAddresses = { ...config.AuxiliaryAddresses, [name]: address };
  }
  return configs;
}
