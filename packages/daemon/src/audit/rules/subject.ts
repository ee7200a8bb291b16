import type { ContainerSnapshot } from '../../containers/api.ts';
import type { ContainerExplanation } from '../../explain/api.ts';

/** A container as rules see it: its record, and what is true of it. */
export interface ContainerSubject {
  container: ContainerSnapshot;
  facts: ContainerExplanation;
  /** Whether the image's name has a digest, or is made here. */
  imageHosts: { elsewhere: boolean; pinned: boolean };
  /** The daemon maps users. */
  remapped: boolean;
  hasAppArmor: boolean;
}

export const ESCAPE = new Set(
  [
    'SYS_ADMIN',
    'SYS_MODULE',
    'SYS_RAWIO',
    'SYS_PTRACE',
    'DAC_READ_SEARCH',
    'BPF',
    'SYS_BOOT',
    'MAC_ADMIN',
    'SYSLOG',
    'PERFMON',
  ].map((name) => `CAP_${name}`),
);
export const SENSITIVE =
  /^\/(?:$|(?:boot|dev|etc|lib|lib64|proc|root|sys|usr|var\/lib\/(?:docker|berth|containerd|kubelet))(?:\/|$))/;
export const SOCKET = /\/(?:docker|berth|containerd|podman|crio|balena-engine)\.sock$/;
/** The container's HostConfig. */
export const host = ({ container }: ContainerSubject) => container.record.hostConfig;
/** The container's Config. */
export const config = ({ container }: ContainerSubject) => container.record.config;
/** The mounts that show a folder or file of the host. */
export const binds = ({ container }: ContainerSubject) =>
  container.record.mounts.filter(({ Type }) => Type === 'bind');
/** The ports that the container wants published, one for each binding, `port` as `80/tcp`. */
export const ports = (subject: ContainerSubject) =>
  Object.entries(host(subject).PortBindings ?? {}).flatMap(([port, list]) =>
    (list ?? []).map((one) => ({ port, ...one })),
  );
