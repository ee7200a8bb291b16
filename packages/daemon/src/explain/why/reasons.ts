import type { ContainerSnapshot } from '../../containers/api.ts';
import { readBeginning } from '../facts/proc.ts';
import type { Inquiry } from './inquiry.ts';
import { BUSY, hiddenBy, mountNamed } from './mounts.ts';
import { UNKNOWN_NAMES } from './names.ts';

const FIRST_PORT = 'net.ipv4.ip_unprivileged_port_start';
const FIRST_PORT_FILE = '/proc/sys/net/ipv4/ip_unprivileged_port_start';
const NAME_UNKNOWN = new RegExp(UNKNOWN_NAMES.map(({ source }) => source).join('|'), 'i');

/** What a line of a program's log tells of the reason that it gave up. */
export interface Reason {
  pattern: RegExp;
  cause: string;
  /** undefined: the line looks so, and something else shows that this is not the reason. */
  text: (found: RegExpExecArray, inquiry: Inquiry) => string | undefined;
  advice: string;
}

const limitOf = ({ record }: ContainerSnapshot, name: string): string => {
  const limit = record.hostConfig.Ulimits?.find((one) => one.Name === name)?.Soft;
  return limit === undefined ? '' : `, which is ${limit} (--ulimit ${name})`;
};

/** Errors of the C library and the kernel, as programs say them when they give up. The first that fits counts. */
export const REASONS: Reason[] = [
  {
    pattern:
      /can't open (?:file )?'?([^\s':]+)'?: (?:\[Errno 2\] )?No such file|cannot open ([^\s:]+): No such file|Cannot find module '([/.][^']*)'|Could not open input file: (\S+)|Unable to access jarfile (\S+)/,
    cause: 'file-missing',
    text: ([, ...paths], { container }) => {
      const path = paths.find((one) => one !== undefined)!;
      return `it was to read ${path}, which is not there${hiddenBy(container, path)}`;
    },
    advice: 'Correct the path or the working folder (-w), or copy the file into the image.',
  },
  {
    pattern: /No module named '?([\w.]+)|Cannot find (?:module|package) '([^'/.][^']*)'/,
    cause: 'module-missing',
    text: ([, python, node]) => `its language's package ${python ?? node} is not installed where it looks`,
    advice:
      'Install it in the image; a mount over the folder of packages (node_modules, site-packages) hides those of the image.',
  },
  {
    pattern:
      /java\.lang\.OutOfMemoryError|JavaScript heap out of memory|\bMemoryError\b|Cannot allocate memory|\bENOMEM\b|std::bad_alloc/,
    cause: 'memory',
    text: (_, { container }) => {
      const limit = container.record.hostConfig.Memory;
      const as = limitOf(container, 'as');
      return `it got no more memory: by a limit of its own (its heap's), ${as || limit > 0 ? `${as ? `its address space's${as}` : `or the container's, which is ${limit} bytes (--memory)`}` : "or the machine's"}`;
    },
    advice:
      'Raise the limit of its heap (-Xmx, --max-old-space-size) together with --memory, or have it use less.',
  },
  {
    // The lookbehind has a name begin where it does: one of many parts would be tried from each of them.
    pattern: /(?<![\w.])(vm\.\w+|fs\.\w+(?:\.\w+)*|kernel\.\w+) \[?\d*\]? ?(?:is )?too low/,
    cause: 'host-setting',
    text: ([, name]) => `it asks for a larger ${name}, which is a setting of the whole host`,
    advice:
      'Set it on the host (`sysctl -w NAME=VALUE`, and in /etc/sysctl.d): no container has one of its own.',
  },
  {
    pattern: /certificate (?:has expired|is not yet valid)|CERT_HAS_EXPIRED|CERT_NOT_YET_VALID/i,
    cause: 'certificate-time',
    text: () =>
      `the time of a certificate does not fit the clock of this machine, which says ${new Date().toISOString()}: containers have no other`,
    advice: "Set the host's clock (timedatectl) if it is wrong; else have the certificate renewed.",
  },
  {
    pattern:
      /certificate signed by unknown authority|unable to get (?:local )?issuer certificate|CERTIFICATE_VERIFY_FAILED|self[- ]signed certificate|UNABLE_TO_(?:GET_ISSUER_CERT|VERIFY_LEAF)\w*/i,
    cause: 'certificate',
    text: () => 'it trusts nobody who vouches for the certificate of the server that it calls',
    advice:
      'Install the authorities in the image (package ca-certificates, or copy /etc/ssl/certs from a stage), with your own one if the server has such.',
  },
  {
    pattern: /\b([A-Za-z_]\w*): (?:parameter (?:null or )?not set|unbound variable|must be set)/,
    cause: 'variable-missing',
    text: ([, name]) => `its environment has no variable ${name}`,
    advice: 'Give it one (-e, --env-file).',
  },
  {
    pattern: /File too large|\bEFBIG\b/i,
    cause: 'ulimit',
    text: (_, { container }) => `a file became larger than one may be${limitOf(container, 'fsize')}`,
    advice: 'Raise --ulimit fsize=BYTES; without one it is the file system that does not take larger files.',
  },
  {
    pattern: /Device or resource busy|Resource busy|\bEBUSY\b/i,
    cause: 'mount-busy',
    text: ({ input }, { container }) => {
      const path = mountNamed(container, input);
      return path && BUSY.text(path);
    },
    advice: BUSY.advice,
  },
  {
    pattern: /Permission denied|\bEACCES\b/i,
    cause: 'port-privileged',
    text: ({ input }, { container }) => {
      if (!/\b(?:bind|listen)\b/i.test(input)) return undefined;
      const { Sysctls, NetworkMode } = container.record.hostConfig;
      const own = Sysctls?.[FIRST_PORT];
      const first =
        own ?? (NetworkMode === 'host' ? (readBeginning(FIRST_PORT_FILE)?.trim() ?? '1024') : undefined);
      return `its user (${container.record.config.User || 'root'}) may not listen at so low a port${first ? `: those below ${first} take CAP_NET_BIND_SERVICE (${FIRST_PORT})` : ''}`;
    },
    advice:
      'Have it listen at a port above 1023 and publish that one, or give it the capability (--cap-add NET_BIND_SERVICE).',
  },
  {
    pattern: /Operation not permitted|\bEPERM\b/i,
    cause: 'device-denied',
    text: ({ input }) => {
      const device = /\/dev\/[^\s:'"]+/.exec(input)?.[0];
      return (
        device &&
        `its control group does not let it use the device ${device}: that a file of the device is there (-v) is not enough`
      );
    },
    advice: 'Give it the device itself (--device), or a rule for its kind (--device-cgroup-rule).',
  },
  {
    pattern: /error while loading shared libraries: ([^:\s]+)|Error loading shared library ([^:\s]+)/,
    cause: 'library-missing',
    text: ([, glibc, musl]) => `it needs the library ${glibc ?? musl}, which is not in the image`,
    advice: 'Install its package in the image, copy it from the stage that built the program, or link it in.',
  },
  {
    pattern: /version [`'"‘]?(GLIBC(?:XX)?_[\w.]+)['"’]? not found/,
    cause: 'library-old',
    text: ([, version]) => `it was built for newer libraries (${version}) than the image has`,
    advice: 'Build it on the base that it runs on or an older one, or use a newer base (FROM).',
  },
  {
    pattern:
      /can(?:'t|not) fork|fork: (?:retry: )?Resource temporarily unavailable|pthread_create\b.*(?:failed|unavailable)|unable to create (?:a )?(?:new )?(?:native )?thread|spawn \S+ EAGAIN|can't start new thread/i,
    cause: 'pids',
    text: (_, { container }) => {
      const limit = container.record.hostConfig.PidsLimit ?? 0;
      const ofUser = limitOf(container, 'nproc').replace(', which is', ': its user may have');
      return `it could start no more processes or threads${limit > 0 ? `: it may have ${limit} (--pids-limit)` : ofUser}`;
    },
    advice: 'Raise --pids-limit (and --ulimit nproc, where it is set), or find what starts so many.',
  },
  {
    pattern: /Too many open files|\bEMFILE\b|\bENFILE\b/i,
    cause: 'files',
    text: (_, { container }) => `it had as many files open as it may have${limitOf(container, 'nofile')}`,
    advice: 'Raise --ulimit nofile=NUMBER, or find what does not close its files.',
  },
  {
    pattern: /Address (?:already )?in use|\bEADDRINUSE\b/i,
    cause: 'address-in-use',
    text: (_, { container }) =>
      `another program ${container.record.hostConfig.NetworkMode === 'host' ? 'of the host' : 'in its network namespace'} listens at its port already`,
    advice:
      'Have one of them listen at another port; on the network of the host `ss -ltnp` tells who has it.',
  },
  {
    pattern: /No space left on device|\bENOSPC\b|Disk quota exceeded|\bEDQUOT\b/i,
    cause: 'no-space',
    text: () => 'there was no room where it writes',
    advice: 'The answer about its writing tells which file system is full (--why write).',
  },
  {
    pattern: /Read-only file system|\bEROFS\b/i,
    cause: 'read-only',
    text: () => 'it may only read where it wants to write',
    advice: 'Give it a volume or a --tmpfs there, or start it without --read-only.',
  },
  {
    pattern: /Operation not permitted|\bEPERM\b|permission denied \(are you root\?\)/i,
    cause: 'not-permitted',
    text: () =>
      'the kernel refused it a privileged operation: it lacks a capability, or its seccomp profile does not allow it',
    advice:
      'See its confinement (`berth explain`), and give it the one capability that it needs (--cap-add) rather than --privileged.',
  },
  {
    pattern: /Permission denied|\bEACCES\b/i,
    cause: 'denied',
    text: (_, { container }) =>
      `its user (${container.record.config.User || 'root'}) may not use a file that it needs`,
    advice: 'See owner and mode of the file (chown, COPY --chown), or the user (--user).',
  },
  {
    pattern: NAME_UNKNOWN,
    cause: 'name-unknown',
    text: ([, ...names]) =>
      `it did not find the address of ${names.find((name) => name !== undefined) ?? 'a name'}`,
    advice:
      'The answer about its name tells why (--why resolve); a container may be only starting: have the program try again.',
  },
  {
    pattern: /Connection refused|\bECONNREFUSED\b/i,
    cause: 'peer-refused',
    text: () => 'a service that it connects to did not listen (yet)',
    advice:
      'Start that service first (depends_on with condition: service_healthy), have the program try again, or restart it (--restart on-failure).',
  },
];
