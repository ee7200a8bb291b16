import { randomBytes } from 'node:crypto';
import { BerthError, conflict, forbidden, invalidParameter, notFound } from '../../base/errors.ts';
import { isIPv4, isIPv6, overlaps, parsePrefix } from '../addresses/addresses.ts';
import type { IpamConfig } from '../addresses/ipam.ts';
import { checkIpam } from '../addresses/ipam.ts';
import { checkEgress } from '../firewall/egress.ts';
import type { NetworkRecord } from './records.ts';

/** The body of POST /networks/create. */
export interface CreateNetworkBody {
  Name?: string;
  CheckDuplicate?: boolean;
  Driver?: string;
  Scope?: string;
  EnableIPv4?: boolean;
  EnableIPv6?: boolean;
  Internal?: boolean;
  Attachable?: boolean;
  Ingress?: boolean;
  ConfigOnly?: boolean;
  ConfigFrom?: { Network?: string };
  IPAM?: { Driver?: string; Options?: Record<string, string>; Config?: IpamConfig[] };
  Options?: Record<string, string>;
  Labels?: Record<string, string>;
}

export const BRIDGE = 'com.docker.network.bridge.';
export const MTU = 'com.docker.network.driver.mtu';
const PREDEFINED = ['bridge', 'host', 'none', 'default'];

/** 64 hex digits, as the ids of networks, endpoints and sandboxes are. */
export const newId = (): string => randomBytes(32).toString('hex');

/** Now, with nine digits of seconds (the last of them made up of nothing), as Go writes times. */
export function timestamp(): string {
  const now = new Date().toISOString();
  return `${now.slice(0, -1)}${String(process.hrtime.bigint() % 1_000_000n).padStart(6, '0')}Z`;
}

/**
 * Fills in the options that a create leaves out from the daemon's `--default-network-opt`. @throws invalid-parameter
 */
export function withDefaults(
  body: CreateNetworkBody,
  defaults: Record<string, Record<string, string>>,
): CreateNetworkBody {
  const driver = body.Driver || 'bridge';
  const given = body.ConfigFrom?.Network || !Object.hasOwn(defaults, driver) ? {} : defaults[driver];
  const Options = { ...given, ...body.Options };
  const enabled: CreateNetworkBody = {};
  for (const family of ['4', '6'] as const) {
    const option = `com.docker.network.enable_ipv${family}`;
    const value = Options[option];
    if (value === undefined) continue;
    // The request's own member holds, and the option would be shown beside it.
    if (typeof body[`EnableIPv${family}`] === 'boolean') delete Options[option];
    else if (parseBool(value) === undefined)
      throw invalidParameter(`driver-opt "${option}" is not a valid bool`);
    else enabled[`EnableIPv${family}`] = parseBool(value) === true;
  }
  return { ...body, ...enabled, Options };
}

/**
 * Checks what can be said of a create without looking at other networks' addresses, and gives the record without them.
 * @throws invalid-parameter, forbidden, not-found, unavailable, conflict with dockerd's texts.
 */
export function networkFromBody(
  body: CreateNetworkBody,
  find: (reference: string) => NetworkRecord | undefined,
  isTaken: (name: string) => boolean,
): NetworkRecord {
  const name = (body.Name ?? '').trim();
  if (!name) throw invalidParameter(`invalid name: ${body.Name ?? ''}`);
  if (PREDEFINED.includes(name)) throw forbidden(`operation is not permitted on predefined ${name} network `);
  const driver = body.Driver || 'bridge';
  checkSwarm(driver);
  // Another network's id, or the beginning of one, may be a name.
  if (isTaken(name)) throw conflict(`network with name ${name} already exists`);
  const from = configSource(body, find);
  if (!body.ConfigOnly) checkDriver(driver, body);
  const options = { ...from?.options, ...body.Options };
  const ipam = body.IPAM ?? {};
  const ipamConfig = ipam.Config?.length ? ipam.Config : (from?.ipamConfig ?? []);
  const record: NetworkRecord = {
    id: newId(),
    name,
    created: timestamp(),
    driver: (body.ConfigOnly ? 'bridge' : driver) as NetworkRecord['driver'],
    ipv4: body.EnableIPv4 ?? true,
    ipv6: body.EnableIPv6 ?? from?.ipv6 ?? false,
    internal: body.Internal ?? from?.internal ?? false,
    attachable: body.Attachable ?? from?.attachable ?? false,
    configOnly: body.ConfigOnly ?? false,
    ...(body.Scope && body.Scope !== 'local' && { scope: body.Scope }),
    configFrom: body.ConfigFrom?.Network ?? '',
    labels: { ...from?.labels, ...body.Labels },
    options,
    ipamDriver: ipam.Driver || from?.ipamDriver || 'default',
    ipamOptions: ipam.Options ?? from?.ipamOptions ?? null,
    // Subnets that were asked for stand first, IPv4 before IPv6; those of the pools come after them.
    ipamConfig: ipamConfig
      .map(tidy)
      .sort((left, right) => Number(isSix(left.Subnet)) - Number(isSix(right.Subnet))),
    subnets: [],
    link: '',
    mac: `02:42:${[...randomBytes(4)].map((byte) => byte.toString(16).padStart(2, '0')).join(':')}`,
    foreignLink: false,
  };
  checkRecord(record);
  return record;
}

function configSource(
  body: CreateNetworkBody,
  find: (name: string) => NetworkRecord | undefined,
): NetworkRecord | undefined {
  const name = body.ConfigFrom?.Network;
  if (body.ConfigOnly && (body.Ingress || body.Internal || body.Attachable || body.Scope))
    throw forbidden(
      'configuration network can only contain network specific fields. Network operator fields like [ ingress | internal | attachable | scope ] are not supported.',
    );
  if (!name) return undefined;
  if (body.ConfigOnly)
    throw forbidden('a configuration network cannot depend on another configuration network');
  if (body.IPAM?.Config?.length || body.EnableIPv6 || Object.keys(body.Labels ?? {}).length > 0)
    throw forbidden(
      'user specified configurations are not supported if the network depends on a configuration network',
    );
  if (Object.keys(body.Options ?? {}).length > 0)
    throw forbidden(
      'network driver options are not supported if the network depends on a configuration network',
    );
  const from = find(name);
  if (!from?.configOnly) throw notFound(`configuration network "${name}" does not exist`);
  return from;
}

/** A driver of swarm's is refused before anything else is looked at. */
function checkSwarm(driver: string): void {
  if (driver === 'overlay')
    throw forbidden(
      'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.',
    );
}

function checkDriver(driver: string, body: CreateNetworkBody): void {
  if (body.Ingress) throw forbidden('Ingress network can only be global scope network');
  if (body.Scope === 'swarm')
    throw forbidden('cannot create a swarm scoped network when swarm is not active');
  if (driver === 'host' || driver === 'null')
    throw forbidden(`only one instance of "${driver}" network is allowed`);
  if (!['bridge', 'macvlan', 'ipvlan'].includes(driver)) throw notFound(`plugin "${driver}" not found`);
}

/** An entry of IPAM's configuration with the members alone that were given, as inspect shows it. */
function tidy({ Subnet, IPRange, Gateway, AuxiliaryAddresses }: IpamConfig): IpamConfig {
  const config: IpamConfig = {};
  if (Subnet !== undefined) config.Subnet = Subnet;
  if (IPRange) config.IPRange = IPRange;
  if (Gateway) config.Gateway = Gateway;
  if (AuxiliaryAddresses && Object.keys(AuxiliaryAddresses).length > 0)
    config.AuxiliaryAddresses = AuxiliaryAddresses;
  return config;
}

/** dockerd's form of a list of complaints. */
export function complaints(heading: string, wrong: readonly string[]): BerthError | undefined {
  if (wrong.length === 0) return undefined;
  const text = wrong.length === 1 ? wrong[0] : wrong.map((line) => `* ${line}`).join('\n');
  return invalidParameter(`${heading}\n${text}`);
}

function checkRecord(record: NetworkRecord): void {
  const { ipamDriver, ipamConfig, options, driver } = record;
  if (ipamDriver === 'null') throw invalidParameter('ipv4 pool is empty');
  if (ipamDriver !== 'default') throw notFound(`plugin "${ipamDriver}" not found`);
  if (!record.ipv4 && !record.ipv6) throw invalidParameter('IPv4 or IPv6 must be enabled');
  const wrong = complaints('invalid network config:', checkIpam(ipamConfig, record.ipv6));
  if (wrong) throw wrong;
  checkEgress(options['berth.egress.allow']);
  if (options['berth.egress.allow'] !== undefined && driver !== 'bridge')
    throw forbidden(
      `an egress policy (berth.egress.allow) cannot be enforced on a ${driver} network: its traffic does not pass the host's firewall`,
    );
  if (record.configOnly) return;
  if (driver === 'bridge') checkBridge(record);
  else checkSubLink(record);
}

const BOOLEANS = ['enable_icc', 'enable_ip_masquerade', 'inhibit_ipv4', 'default_bridge'];

function checkBridge({ options, ipamConfig, ipv6 }: NetworkRecord): void {
  for (const key of BOOLEANS) {
    const value = options[BRIDGE + key];
    if (value !== undefined && parseBool(value) === undefined)
      throw unparsable(BRIDGE + key, value, `strconv.ParseBool: parsing "${value}": invalid syntax`);
  }
  checkMtu(options);
  const binding = options[`${BRIDGE}host_binding_ipv4`];
  if (binding !== undefined && !isIPv4(binding))
    throw unparsable(`${BRIDGE}host_binding_ipv4`, binding, 'nil ip');
  checkAddressOption(options, 'com.docker.network.host_ipv4', isIPv4);
  checkAddressOption(options, 'com.docker.network.host_ipv6', isIPv6);
  for (const family of ['ipv4', 'ipv6']) {
    const mode = options[`${BRIDGE}gateway_mode_${family}`];
    if (mode !== undefined && !['', 'nat', 'nat-unprotected', 'routed', 'isolated'].includes(mode))
      throw unparsable(`${BRIDGE}gateway_mode_${family}`, mode, 'unknown gateway mode');
  }
  const trusted = options[`${BRIDGE}trusted_host_interfaces`];
  if (trusted !== undefined && !trusted.split(':').every((name) => /^[^\s/:"]{1,15}$/.test(name)))
    throw unparsable(`${BRIDGE}trusted_host_interfaces`, trusted, 'not a list of interfaces');
  const name = options[`${BRIDGE}name`];
  if (name && name.length > 15) throw new BerthError('system', 'numerical result out of range');
  if (name && (!/^[^\s/:"\\{}*]+$/.test(name) || name === '.' || name === '..'))
    throw new BerthError('system', 'invalid argument');
  checkPrefix(options);
  for (const bits of [4, 6]) {
    const subnets = ipamConfig
      .filter(({ Subnet }) => (isSix(Subnet) ? 6 : 4) === bits && (bits === 4 || ipv6))
      .map(({ Subnet }) => parsePrefix(Subnet ?? ''));
    if (subnets.length < 2) continue;
    // Addresses are looked at before the driver is.
    const [first, ...rest] = subnets;
    if (first && rest.some((other) => other && overlaps(first, other)))
      throw forbidden('Pool overlaps with other one on this address space');
    throw forbidden("bridge driver doesn't support multiple subnets");
  }
}

const isSix = (subnet = '') => subnet.includes(':');

function checkSubLink({ options, driver }: NetworkRecord): void {
  checkMtu(options);
  checkPrefix(options);
  const modes = driver === 'macvlan' ? MACVLAN_MODES : IPVLAN_MODES;
  const mode = options[`${driver}_mode`];
  if (mode !== undefined && mode !== '' && !Object.hasOwn(modes, mode))
    throw new BerthError(
      'system',
      `requested ${driver} mode '${mode}' is not valid, '${driver === 'macvlan' ? 'bridge' : 'l2'}' mode is the ${driver} driver default`,
    );
  const flag = options['ipvlan_flag'];
  if (driver === 'ipvlan' && flag && !Object.hasOwn(IPVLAN_FLAGS, flag))
    throw new BerthError(
      'system',
      `requested ipvlan flag '${flag}' is not valid, 'bridge' is the ipvlan driver default`,
    );
  if (options['parent'] && !/^[^\s/:"*]{1,15}$/.test(options['parent']))
    throw invalidParameter(`invalid parent interface: ${options['parent']}`);
  if (options['parent'] === 'lo')
    throw invalidParameter(`loopback interface is not a valid ${driver} parent link`);
}

/** Numbers of linux/if_link.h. */
export const MACVLAN_MODES: Record<string, number> = { private: 1, vepa: 2, bridge: 4, passthru: 8 };
export const IPVLAN_MODES: Record<string, number> = { l2: 0, l3: 1, l3s: 2 };
export const IPVLAN_FLAGS: Record<string, number> = { bridge: 0, private: 1, vepa: 2 };

function checkMtu(options: Record<string, string>): void {
  const mtu = options[MTU];
  if (mtu === undefined) return;
  if (!/^[+-]?\d+$/.test(mtu)) throw unparsable(MTU, mtu, `strconv.Atoi: parsing "${mtu}": invalid syntax`);
  // The kernel takes nothing below 68 for a bridge; 0 is the default.
  if ((Number(mtu) < 68 && Number(mtu) !== 0) || Number(mtu) > 65535)
    throw invalidParameter(Number(mtu) < 0 ? `invalid MTU number: ${mtu}` : 'invalid argument');
}

function checkPrefix(options: Record<string, string>): void {
  const prefix = options['com.docker.network.container_iface_prefix'];
  if (prefix !== undefined && !/^[A-Za-z][\w.-]{0,11}$/.test(prefix))
    throw invalidParameter(`invalid interface prefix: ${prefix}`);
}

function checkAddressOption(
  options: Record<string, string>,
  key: string,
  isRight: (text: string) => boolean,
): void {
  const value = options[key];
  if (value !== undefined && !isRight(value)) throw unparsable(key, value, 'nil ip');
}

const unparsable = (key: string, value: string, why: string) =>
  invalidParameter(`failed to parse ${key} value: ${value} (${why})`);

/** Go's strconv.ParseBool. */
export function parseBool(text: string): boolean | undefined {
  if (/^(1|t|T|TRUE|true|True)$/.test(text)) return true;
  if (/^(0|f|F|FALSE|false|False)$/.test(text)) return false;
  return undefined;
}
