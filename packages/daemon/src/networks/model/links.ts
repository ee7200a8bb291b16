import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { NetWorker } from '@berth/native/net.ts';
import { forbidden, invalidParameter, systemError } from '../../base/errors.ts';
import { log } from '../../base/log.ts';
import { bridgeOperation, parentOperations, staleAddresses } from '../kernel.ts';
import { BRIDGE } from './options.ts';
import type { NetworkRecord } from './records.ts';

/* The links that stand for networks on the host, and the kernel's switches that they need. */

/** How the names of parents that the daemon makes for internal macvlan and ipvlan networks begin. */
const DUMMY = 'dm-';

/**
 * Chooses the link of a new network, its bridge or its parent, and writes it into the record. A network without a parent of the
 * host's is internal. @throws forbidden where another of the networks `all` has it, invalid-parameter
 */
export function chooseLink(record: NetworkRecord, all: readonly NetworkRecord[]): void {
  const { options, driver, id } = record;
  if (driver === 'bridge') {
    record.link = options[`${BRIDGE}name`] || `br-${id.slice(0, 12)}`;
    const other = all.find(({ link, driver: kind }) => kind === 'bridge' && link === record.link);
    if (other)
      throw forbidden(
        `cannot create network ${id} (${record.link}): conflicts with network ${other.id} (${other.link}): networks have same bridge name`,
      );
    return;
  }
  const parent = options['parent'] ?? '';
  record.link = parent || `${DUMMY}${id.slice(0, 12)}`;
  const other = all.find((one) => one.driver === driver && one.link === parent);
  if (other) throw forbidden(`network ${other.name} is already using parent interface ${parent}`);
  if (parent && !existsSync(`/sys/class/net/${parent}`) && !/^[^.]+\.\d{1,4}$/.test(parent))
    throw invalidParameter(`invalid subinterface vlan name ${parent}, example formatting is eth0.10`);
  const vlan = existsSync(`/sys/class/net/${parent}`) ? undefined : /\.(\d+)$/.exec(parent)?.[1];
  if (vlan !== undefined && (Number(vlan) < 1 || Number(vlan) > 4094))
    throw invalidParameter(`vlan id must be between 1-4094, received: ${Number(vlan)}`);
  if (!parent) record.internal = true;
}

/** Makes the bridge, or sets the one that is there right; true when it was there and is not ours. */
export async function makeBridge(worker: NetWorker, record: NetworkRecord, mtu: number): Promise<boolean> {
  const there = existsSync(`/sys/class/net/${record.link}`);
  if (there && record.foreignLink) return true;
  let foreign = false;
  if (there) {
    const [links] = await worker.call(['links']);
    foreign = !links!.rows.some(([, link]) => link === record.link);
    if (foreign && !existsSync(`/sys/class/net/${record.link}/bridge`))
      throw systemError(`existing interface ${record.link} is not a bridge`);
  }
  const stale = there && !foreign && record.name === 'bridge' ? await staleAddresses(worker, record) : [];
  await worker.call(bridgeOperation(record, mtu, stale));
  return foreign;
}

/** Makes the parent of a macvlan or ipvlan network where it has to; true when it was there and is not ours. */
export async function makeParent(worker: NetWorker, record: NetworkRecord): Promise<boolean> {
  const operations = parentOperations(record);
  if (operations.length === 0) return true;
  const [made] = await worker.call(...operations);
  return record.foreignLink || (made!.values[0] === 'exists' && !record.subnets.length);
}

/** Has the host pass on packets of IPv4. */
export function forwardIpv4(): void {
  setSwitch('/proc/sys/net/ipv4/ip_forward', '1');
}

/** The same of IPv6, for links that there are and that will be. */
export function forwardIpv6(): void {
  setSwitch('/proc/sys/net/ipv6/conf/default/forwarding', '1');
  setSwitch('/proc/sys/net/ipv6/conf/all/forwarding', '1');
}

function setSwitch(path: string, value: string): void {
  try {
    if (readFileSync(path, 'utf8').trim() !== value) writeFileSync(path, value);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
      log.warn({ err: error, path }, 'a network setting of the kernel could not be changed');
  }
}
