import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { NetWorker } from '@berth/native/net.ts';
import { systemError } from '../../base/errors.ts';
import { log } from '../../base/log.ts';
import { bridgeOperation, parentOperations, staleAddresses } from '../kernel.ts';
import type { NetworkRecord } from './records.ts';

/* The links that stand for networks on the host, and the kernel's switches that they need. */

/** How the names of parents that the daemon makes for internal macvlan and ipvlan networks begin. */
export const DUMMY = 'dm-';

/** Makes the bridge, or sets the one that is there right; true when it was there and is not ours. */
export async function makeBridge(worker: NetWorker, record: NetworkRecord, mtu: number): Promise<boolean> {
  const there = existsSync(`/sys/class/net/${record.link}`);
  if (there && record.foreignLink) return true;
  let foreign = false;
  if (there) {
    const [links] = await worker.call(['links']);
    foreign = !links!.rows.some(([, link]) => link === record.link);
    if (foreign && !existsSync(`/sys/class/net/${record.link}/bridge`))
      throw systemError(`cannot create network: ${record.link} exists and is no bridge`);
  }
  const stale = there && !foreign && record.name === 'bridge' ? await staleAddresses(worker, record) : [];
  await worker.call(bridgeOperation(record, mtu, stale));
  return foreign;
}

export async function makeParent(worker: NetWorker, record: NetworkRecord): Promise<boolean> {
  const operations = parentOperations(record);
  if (operations.length === 0) return true;
  const [made] = await worker.call(...operations);
  return record.foreignLink || (made!.values[0] === 'exists' && !record.subnets.length);
}

const FORWARD4 = '/proc/sys/net/ipv4/ip_forward';

function setSwitch(path: string, value: string): void {
  try {
    if (readFileSync(path, 'utf8').trim() !== value) writeFileSync(path, value);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
      log.warn({ err: error, path }, 'a network setting of the kernel could not be changed');
  }
}

export function forwardIpv4(): void {
  setSwitch(FORWARD4, '1');
}

export function forwardIpv6(): void {
  setSwitch('/proc/sys/net/ipv6/conf/default/forwarding', '1');
  setSwitch('/proc/sys/net/ipv6/conf/all/forwarding', '1');
}
