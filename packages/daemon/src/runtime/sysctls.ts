import { systemError } from '../base/errors.ts';
import type { RuntimeRequest } from './api.ts';

const IPC = new Set([
  'kernel.msgmax',
  'kernel.msgmnb',
  'kernel.msgmni',
  'kernel.sem',
  'kernel.shmall',
  'kernel.shmmax',
  'kernel.shmmni',
  'kernel.shm_rmid_forced',
]);

/** Whether the kernel parameter `key`, with dots, is one of an IPC namespace (ipc_namespaces(7)). */
export const isIpcSysctl = (key: string): boolean => IPC.has(key) || key.startsWith('fs.mqueue.');

const refuse = (text: string) =>
  systemError(
    `failed to create task for container: failed to create shim task: OCI runtime create failed: runc create failed: ${text}: unknown`,
  );

/**
 * Only parameters of a namespace that the container has to itself may be set.
 * @throws system in runc's words.
 */
export function checkSysctls({
  sysctls,
  namespaces,
  domainname,
}: Pick<RuntimeRequest, 'sysctls' | 'namespaces' | 'domainname'>): void {
  // dockerd sets a domain name by this parameter, so that it can't be one of the host's.
  if (domainname && namespaces.uts === 'host')
    throw refuse('sysctl "kernel.domainname" is not in a separate kernel namespace');
  for (const name of Object.keys(sysctls)) {
    const key = name.replaceAll('/', '.');
    if (isIpcSysctl(key)) {
      if (namespaces.ipc === 'host')
        throw refuse(`sysctl ${JSON.stringify(name)} is not allowed in the hosts ipc namespace`);
    } else if (key.startsWith('net.')) {
      if (namespaces.network === 'host')
        throw refuse(`sysctl ${JSON.stringify(name)} not allowed in host network namespace`);
    } else if (key === 'kernel.domainname') {
      if (namespaces.uts === 'host')
        throw refuse(`sysctl ${JSON.stringify(name)} is not allowed in the hosts uts namespace`);
    } else if (key === 'kernel.hostname') {
      throw refuse(
        `sysctl ${JSON.stringify(name)} is not allowed as it conflicts with the OCI "hostname" field`,
      );
    } else {
      throw refuse(`sysctl ${JSON.stringify(name)} is not in a separate kernel namespace`);
    }
  }
}

/** Docker's own: low ports and ping without privileges, in a network namespace that is not the host's. */
export function defaultSysctls(
  { sysctls, namespaces }: RuntimeRequest,
  hasPing: boolean,
): Record<string, string> {
  if (namespaces.network === 'host' || namespaces.ofPod) return {};
  const defaults: Record<string, string> = {};
  if (!('net.ipv4.ip_unprivileged_port_start' in sysctls))
    defaults['net.ipv4.ip_unprivileged_port_start'] = '0';
  // Group 2147483647 can be written only where it is mapped.
  if (!('net.ipv4.ping_group_range' in sysctls) && namespaces.user === 'host' && hasPing)
    defaults['net.ipv4.ping_group_range'] = '0 2147483647';
  return defaults;
}
