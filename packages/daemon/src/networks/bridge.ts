import { existsSync } from 'node:fs';
import type { NetWorker } from '@berth/native/net.ts';
import { systemError } from '../base/errors.ts';
import type { Settings } from '../config/settings.ts';
import {
  contains,
  formatPrefix,
  network,
  overlaps,
  parseAddress,
  parsePrefix,
} from './addresses/addresses.ts';
import { type Holder, type IpamConfig, type PoolBase, pickSubnet } from './addresses/ipam.ts';
import { subnetOf } from './addresses/pools.ts';
import { BRIDGE, MTU, newId, timestamp } from './model/options.ts';
import type { NetworkRecord } from './model/records.ts';

interface Surroundings {
  /** Links that are this daemon's. */
  own: ReadonlySet<string>;
  held: readonly Holder[];
  routed: readonly Holder[];
  pools: readonly PoolBase[];
  worker: NetWorker;
}

/**
 * The default network as the daemon's settings want it. Its id, MAC address and, where nothing else is asked for, its
 * subnet stay from one start to the next.
 * @throws system: the bridge named by `--bridge` is not there, or no subnet is free.
 */
export async function defaultBridge(
  settings: Settings,
  known: NetworkRecord | undefined,
  around: Surroundings,
): Promise<NetworkRecord> {
  const link = settings.bridge || (!known?.foreignLink && known?.link) || freeName(around.own);
  const foreignLink = settings.bridge !== '' && !around.own.has(link);
  if (foreignLink && !existsSync(`/sys/class/net/${link}/bridge`))
    throw systemError(`bridge device ${link} does not exist: it must be created before the daemon starts`);
  const given = foreignLink ? await addressesOf(around.worker, link) : { v4: '', v6: '' };
  const config4 = ipamConfig(settings.bip || given.v4, settings.fixedCidr);
  const config6 = ipamConfig(settings.bip6 || given.v6, settings.fixedCidrV6);
  // No address of a subnet that the daemon chose can be asked for: the client cannot know it.
  const asked = [config4.Subnet !== undefined, config6.Subnet !== undefined];
  config4.Subnet ??= keptSubnet(known, 32, around) ?? pick(32, around);
  if (settings.ipv6) config6.Subnet ??= keptSubnet(known, 128, around) ?? pick(128, around);
  const configs = settings.ipv6 && config6.Subnet ? [config4, config6] : [config4];
  const subnets = configs.map((config, index) => ({
    ...subnetOf(parsePrefix(config.Subnet!)!, config),
    asked: asked[index]!,
  }));
  const defaultGateway: NetworkRecord['defaultGateway'] = {};
  if (settings.defaultGateway) defaultGateway[4] = settings.defaultGateway;
  if (settings.defaultGatewayV6) defaultGateway[6] = settings.defaultGatewayV6;
  return {
    id: known?.id ?? newId(),
    name: 'bridge',
    created: known?.created ?? timestamp(),
    driver: 'bridge',
    ipv4: true,
    ipv6: configs.length > 1,
    internal: false,
    attachable: false,
    configOnly: false,
    configFrom: '',
    labels: {},
    options: {
      [`${BRIDGE}default_bridge`]: 'true',
      [`${BRIDGE}enable_icc`]: String(settings.icc),
      [`${BRIDGE}enable_ip_masquerade`]: String(settings.ipMasq),
      [`${BRIDGE}host_binding_ipv4`]: settings.ip || '0.0.0.0',
      [`${BRIDGE}name`]: link,
      [MTU]: String(settings.mtu || 1500),
    },
    ipamDriver: 'default',
    ipamOptions: null,
    ipamConfig: configs.map((config, index) => ({
      Subnet: config.Subnet!,
      ...(config.IPRange && { IPRange: config.IPRange }),
      Gateway: subnets[index]!.gateway,
    })),
    subnets,
    link,
    mac: known?.mac || randomMac(),
    foreignLink,
    ...((defaultGateway[4] || defaultGateway[6]) && { defaultGateway }),
  };
}

const randomMac = () => `02:42:${newId().slice(0, 8).match(/../g)!.join(':')}`;

/** berth0, or the next free number where another daemon has that. */
function freeName(own: ReadonlySet<string>): string {
  for (let number = 0; ; number++) {
    const name = `berth${number}`;
    if (own.has(name) || !existsSync(`/sys/class/net/${name}`)) return name;
  }
}

/** The bridge's address and the range for containers, as `--bip` and `--fixed-cidr` say. */
function ipamConfig(bip: string, fixed: string): IpamConfig {
  const config: IpamConfig = {};
  const address = bip ? parsePrefix(bip) : undefined;
  if (bip && !address) throw systemError(`invalid bridge address: ${bip}`);
  const range = fixed ? parsePrefix(fixed) : undefined;
  if (fixed && !range) throw systemError(`invalid range of addresses: ${fixed}`);
  if (address) {
    config.Subnet = formatPrefix(network(address));
    config.Gateway = bip.split('/')[0]!;
    if (range && contains(address, range)) config.IPRange = formatPrefix(network(range));
  } else if (range) {
    config.Subnet = formatPrefix(network(range));
  }
  return config;
}

/** The subnet of the last start, if nothing stands against it now. */
function keptSubnet(
  known: NetworkRecord | undefined,
  bits: 32 | 128,
  { held, routed }: Surroundings,
): string | undefined {
  const subnet = known?.subnets.find(({ subnet: text }) => text.includes(':') === (bits === 128))?.subnet;
  const range = subnet && parsePrefix(subnet);
  if (!range || [...held, ...routed].some((holder) => overlaps(holder.range, range))) return undefined;
  return subnet;
}

function pick(bits: 32 | 128, { pools, held, routed }: Surroundings): string {
  const picked = pickSubnet(pools, bits, [...held, ...routed]);
  if ('subnet' in picked) return formatPrefix(picked.subnet);
  const listed = picked.holders
    .map(({ range, name }) => `${formatPrefix(range)} is held by ${name}`)
    .join(', ');
  throw systemError(`no subnet is free for the default bridge: ${listed}`);
}

async function addressesOf(worker: NetWorker, link: string): Promise<{ v4: string; v6: string }> {
  const [result] = await worker.call(['addresses', link]);
  const found = { v4: '', v6: '' };
  for (const [, cidr] of result!.rows) {
    const address = parseAddress(cidr!.split('/')[0]!);
    if (address?.bits === 32) found.v4 ||= cidr!;
    else if (!cidr!.startsWith('fe80:')) found.v6 ||= cidr!;
  }
  return found;
}
