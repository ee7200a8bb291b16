import { type BerthError, forbidden, invalidParameter } from '../../base/errors.ts';
import { isIP } from '../addresses/addresses.ts';
import { EGRESS } from '../endpoints/names.ts';
import { type Context, networkOf } from './context.ts';
import type { ContainerRecord, NetworkRecord } from './records.ts';

export const HOST_NETWORK = 'container cannot be disconnected from host network or connected to host network';
export const SHARED =
  'container sharing network namespace with another container or host cannot be connected to any other network';
const PRIVATE =
  'container cannot be connected to multiple networks with one of the networks in private (none) mode';

/**
 * The objection to a container with an egress policy of its own on that network: packets that leave through a macvlan
 * or
 * ipvlan goes straight to the parent interface and never passes the host's firewall.
 */
export function egressRefusal(
  labels: Record<string, string> | undefined,
  { driver, name }: NetworkRecord,
): BerthError | undefined {
  if (labels?.[EGRESS] === undefined || (driver !== 'macvlan' && driver !== 'ipvlan')) return undefined;
  return forbidden(
    `an egress policy (${EGRESS}) cannot be enforced on network ${name}: ${driver} traffic does not pass the host's firewall`,
  );
}

/** Checks a connect as dockerd does. @throws invalid-parameter, forbidden */
export function checkConnect(context: Context, record: ContainerRecord, network: NetworkRecord): void {
  const { mode } = record.request;
  if (network.driver === 'host' && mode !== 'host') throw invalidParameter(HOST_NETWORK);
  if (network.configOnly) throw forbidden('cannot create endpoint on configuration-only network');
  for (const entry of record.configured) {
    const other = networkOf(context, entry);
    if (!other || other.id === network.id) continue;
    if (other.driver === 'host' || network.driver === 'host') throw invalidParameter(SHARED);
    if (other.driver === 'null' || network.driver === 'null') throw invalidParameter(PRIVATE);
  }
  const refused = egressRefusal(record.request.labels, network);
  if (refused) throw refused;
}

/** Checks a start on these networks together. @throws invalid-parameter, forbidden, system */
export function checkStart({ request }: ContainerRecord, networks: readonly NetworkRecord[]): void {
  for (const server of request.dns)
    if (!isIP(server))
      throw invalidParameter(`bad nameserver address ${server}: ParseAddr("${server}"): unable to parse IP`);
  // Beside the host's namespace, or in a namespace of its own, an endpoint without an interface changes nothing.
  if (request.mode === 'host' && networks.some(({ driver }) => driver !== 'host' && driver !== 'null'))
    throw invalidParameter(SHARED);
  for (const network of networks) {
    const refused = egressRefusal(request.labels, network);
    if (refused) throw refused;
  }
}
