import { invalidParameter } from '../../base/errors.ts';
import type { NetworkInspect } from '../../networks/api.ts';
import type { BodyOf, ResponseOf } from '../api.ts';

/* The shape of a network for older clients: members that came later are left out. */

/** Versions in which something appeared or changed. */
const LIST_WITHOUT_CONTAINERS = 28;
const ENABLE_IPV4 = 48;
/** With how many addresses of each are in use. */
const WHOLE_IPAM = 52;

const EMPTY_SUBNETS = 52;

type CreateNetworkBody = NonNullable<BodyOf<'NetworkCreate'>>;

/**
 * A create as `version` means it: an entry of the addresses without a subnet asks for nothing from 1.52 on.
 * @throws invalid-parameter for what only a subnet can have, in dockerd's words.
 */
export function networkCreateFor(version: number, given: CreateNetworkBody): CreateNetworkBody {
  const body = { ...given };
  if (version < ENABLE_IPV4) delete body.EnableIPv4;
  if (version < EMPTY_SUBNETS || !body.IPAM?.Config) return body;
  const wrong = body.IPAM.Config.filter(({ Subnet }) => !Subnet).flatMap(withoutSubnet);
  if (wrong.length > 0) {
    const lines = wrong.length === 1 ? wrong : wrong.map((line) => `* ${line}`);
    throw invalidParameter(`invalid network config:\n${lines.join('\n')}`);
  }
  return { ...body, IPAM: { ...body.IPAM, Config: body.IPAM.Config.filter(({ Subnet }) => Subnet) } };
}

type IpamConfig = NonNullable<NonNullable<CreateNetworkBody['IPAM']>['Config']>[number];

function withoutSubnet({ IPRange, Gateway, AuxiliaryAddresses }: IpamConfig): string[] {
  const within = (text: string) =>
    text.includes(':') ? 'is an IPv4 block' : "invalid Prefix doesn't contain this address";
  return [
    ...(IPRange
      ? [`invalid ip-range ${IPRange}: parent subnet invalid Prefix doesn't contain ip-range`]
      : []),
    ...(Gateway ? [`invalid gateway ${Gateway}: parent subnet ${within(Gateway)}`] : []),
    ...Object.entries(AuxiliaryAddresses ?? {}).map(
      ([name, address]) => `invalid auxiliary address ${name}: parent subnet ${within(address)}`,
    ),
  ];
}

type NetworkShape = ResponseOf<'NetworkList'>[number];

/** A network as `version` has it. */
export function networkFor(version: number, network: NetworkInspect): NetworkShape {
  const { Status = { IPAM: {} }, EnableIPv4, gateways, ...rest } = network;
  if (version < ENABLE_IPV4) return rest;
  // The members are in the order in which a person sees them in what `docker network inspect` prints.
  const { Name, Id, Created, Scope, Driver, Containers, ...others } = rest;
  const shaped = { Name, Id, Created, Scope, Driver, EnableIPv4, ...others };
  return version < WHOLE_IPAM
    ? { ...shaped, Containers }
    : { ...shaped, IPAM: wholeIpam(rest.IPAM, gateways), Containers, Status };
}

/** Each subnet with its range and gateway, which older versions have only where they were asked for. */
function wholeIpam(
  ipam: NetworkInspect['IPAM'],
  gateways: NetworkInspect['gateways'],
): NetworkInspect['IPAM'] {
  const Config = ipam.Config?.map(({ Subnet = '', IPRange = '', Gateway, ...rest }) => ({
    Subnet,
    IPRange,
    Gateway: Gateway ?? gateways[Subnet] ?? '',
    ...rest,
  }));
  return { ...ipam, Config: Config ?? null };
}

/** An entry of the list: inspect shows who runs on it. */
export function networkSummaryFor(version: number, network: NetworkInspect): NetworkShape {
  const { Status: _, ...shaped } = networkFor(version, network);
  return version < LIST_WITHOUT_CONTAINERS ? shaped : { ...shaped, Containers: {} };
}
