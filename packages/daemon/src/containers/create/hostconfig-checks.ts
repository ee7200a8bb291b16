import { normalize } from 'node:path/posix';
import { invalidParameter } from '../../base/errors.ts';
import type { Settings } from '../../config/settings.ts';
import { checkLogConfig } from '../../logging/check.ts';
import type { Config, HostConfig, RestartPolicy } from '../model/types.ts';

/** Whether a container has a user namespace of its own. */
export const isRemapped = (host: HostConfig, { usernsRemap }: Pick<Settings, 'usernsRemap'>): boolean =>
  usernsRemap !== '' && host.UsernsMode !== 'host' && !host.Privileged;

type Body = Record<string, unknown>;

/**
 * Refuses the options that a container in a user namespace of its own cannot have.
 * @throws system with dockerd's texts
 */
export function checkRemapped(host: HostConfig, { usernsRemap }: Pick<Settings, 'usernsRemap'>): void {
  if (usernsRemap === '' || host.UsernsMode === 'host') return;
  if (host.Privileged)
    throw invalidParameter(
      'privileged mode is incompatible with user namespaces.  You must run the container in the host namespace when running privileged mode',
    );
  if (host.NetworkMode === 'host')
    throw invalidParameter("cannot share the host's network namespace when user namespaces are enabled");
  if (host.PidMode === 'host')
    throw invalidParameter('cannot share the host PID namespace when user namespaces are enabled');
}

/** Members of a create's own Config that network and UTS modes can contradict. */
export type AskedNames = Partial<Pick<Config, 'Hostname' | 'ExposedPorts'>>;

/**
 * Checks options that are one of a few words. `config` is the client's request without the image's part: an image that
 * exposes ports may well share another container's network.
 * @throws invalid-parameter with dockerd's texts.
 */
export function checkModes(host: HostConfig, config: AskedNames): void {
  const { NetworkMode: network, UTSMode: uts, IpcMode: ipc, PidMode: pid } = host;
  if (/^container(:(:.*)?)?$/.test(network))
    throw invalidParameter('Invalid network mode: invalid container format container:<name|id>');
  if (config.Hostname && uts === 'host')
    throw invalidParameter('conflicting options: hostname and the UTS mode');
  if (network.startsWith('container:')) checkSharedNetwork(host, config);
  if (network === 'host' && host.Links?.length)
    throw invalidParameter(
      "conflicting options: host type networking can't be used with links. This would result in undefined behavior",
    );
  if (host.Isolation !== '' && host.Isolation.toLowerCase() !== 'default')
    throw invalidParameter(
      `Invalid isolation: ${JSON.stringify(host.Isolation)} - linux only supports 'default'`,
    );
  if (host.IOMaximumIOps !== 0)
    throw invalidParameter('Invalid QoS settings: linux does not support configuration of maximum IOPs');
  if (host.IOMaximumBandwidth !== 0)
    throw invalidParameter('Invalid QoS settings: linux does not support configuration of maximum bandwidth');
  if (!['private', 'shareable', 'host', 'none'].includes(ipc) && !ipc.startsWith('container:'))
    throw invalidParameter(`invalid IPC mode: ${ipc}`);
  if (!['', 'host', 'private'].includes(pid) && !/^container:./.test(pid))
    throw invalidParameter(`invalid PID mode: ${pid}`);
  if (!['', 'host', 'private'].includes(uts)) throw invalidParameter(`invalid UTS mode: ${uts}`);
  if (!['', 'host', 'private'].includes(host.UsernsMode))
    throw invalidParameter(`invalid user namespace mode: ${host.UsernsMode}`);
  if (!['host', 'private'].includes(host.CgroupnsMode))
    throw invalidParameter(`invalid cgroup namespace mode: ${host.CgroupnsMode}`);
  if (host.Cgroup !== '')
    throw invalidParameter(`invalid cgroup: ${host.Cgroup}: joining cgroups is not supported`);
}

function checkSharedNetwork(host: HostConfig, config: AskedNames): void {
  const refuse = (what: string) => invalidParameter(`conflicting options: ${what}`);
  if (config.Hostname) throw refuse('hostname and the network mode');
  if (host.Links?.length)
    throw refuse("container type network can't be used with links. This would result in undefined behavior");
  if (host.Dns?.length) throw refuse('dns and the network mode');
  if (host.ExtraHosts?.length) throw refuse('custom host-to-IP mapping and the network mode');
  if (host.PublishAllPorts || Object.keys(host.PortBindings ?? {}).length > 0)
    throw refuse('port publishing and the container type network mode');
  if (Object.keys(config.ExposedPorts ?? {}).length > 0)
    throw refuse('port exposing and the container type network mode');
}

/** All other members that this room answers for. Returns warnings. @throws invalid-parameter, system. */
export function checkHostConfig(host: HostConfig, body: Body): string[] {
  const warnings: string[] = [];
  if (host.AutoRemove && host.RestartPolicy.Name !== 'no')
    throw invalidParameter("can't create 'AutoRemove' container with restart policy");
  for (const entry of host.ExtraHosts ?? []) checkExtraHost(entry);
  for (const [port, bindings] of Object.entries(host.PortBindings ?? {})) checkPort(port, bindings ?? []);
  checkRestartPolicy(host.RestartPolicy);
  if (host.Annotations && '' in host.Annotations)
    throw invalidParameter('invalid Annotations: the empty string is not permitted as an annotation key');
  if (host.ShmSize < 0) throw invalidParameter('SHM size can not be less than 0');
  if (host.OomScoreAdj < -1000 || host.OomScoreAdj > 1000)
    throw invalidParameter(`Invalid value ${host.OomScoreAdj}, range for oom score adj is [-1000, 1000]`);
  for (const destination of Object.keys(host.Tmpfs ?? {})) {
    if (normalize(destination) === '/')
      throw invalidParameter("invalid specification: destination can't be '/'");
    if (!destination.startsWith('/'))
      throw invalidParameter(`invalid mount path: '${destination}' mount path must be absolute`);
  }
  for (const link of host.Links ?? []) {
    if (link === '' || link.split(':').length > 2) throw invalidParameter(`bad format for links: ${link}`);
  }
  for (const option of Object.keys(host.StorageOpt ?? {})) {
    if (option !== 'size') throw invalidParameter(`Unknown option ${option}`);
  }
  checkLogConfig(host.LogConfig.Type, host.LogConfig.Config);
  if (host.NetworkMode === 'host' && Object.keys(host.PortBindings ?? {}).length > 0)
    warnings.push('Published ports are discarded when using host network mode');
  if (typeof body['CpuPercent'] === 'number' && body['CpuPercent'] > 0)
    warnings.push('linux does not support CPU percent. Percent discarded.');
  return warnings;
}

/** @throws invalid-parameter with dockerd's text. */
export function checkRestartPolicy({ Name, MaximumRetryCount }: RestartPolicy): void {
  if (Name === 'no' || Name === '' || Name === 'always' || Name === 'unless-stopped') {
    if (MaximumRetryCount !== 0)
      throw invalidParameter(
        `invalid restart policy: maximum retry count can only be used with 'on-failure'${MaximumRetryCount < 0 ? ' and cannot be negative' : ''}`,
      );
  } else if (Name === 'on-failure') {
    if (MaximumRetryCount < 0)
      throw invalidParameter('invalid restart policy: maximum retry count cannot be negative');
  } else {
    throw invalidParameter(
      `invalid restart policy: unknown policy '${Name}'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'`,
    );
  }
}

function checkExtraHost(entry: string): void {
  const separator = entry.indexOf('=') === -1 ? entry.indexOf(':') : entry.indexOf('=');
  if (separator <= 0) throw invalidParameter(`bad format for add-host: ${JSON.stringify(entry)}`);
  let address = entry.slice(separator + 1);
  if (address === 'host-gateway') return;
  if (address.startsWith('[') && address.endsWith(']')) address = address.slice(1, -1);
  if (!isAddress(address))
    throw invalidParameter(`invalid IP address in add-host: ${JSON.stringify(address)}`);
}

function isAddress(text: string): boolean {
  if (/^\d+\.\d+\.\d+\.\d+$/.test(text)) return text.split('.').every((part) => Number(part) <= 255);
  return text.includes(':') && /^[0-9a-fA-F:.]+(%\w+)?$/.test(text);
}

/** @throws invalid-parameter for a port, or a binding's, that is none */
export function checkPort(port: string, bindings: Array<{ HostPort: string }>): void {
  const [number = ''] = port.split('/');
  if (!/^\d+$/.test(number) || Number(number) > 65535)
    throw invalidParameter(`invalid port specification: ${JSON.stringify(number)}`);
  for (const { HostPort } of bindings) {
    const [from = '', to = from, more] = HostPort.split('-');
    const bad = (value: string) => !/^\d*$/.test(value) || Number(value) > 65535;
    if (more !== undefined || bad(from) || bad(to) || Number(to) < Number(from))
      throw invalidParameter(`invalid port specification: ${JSON.stringify(HostPort)}`);
  }
}
