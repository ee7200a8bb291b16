/** The powers that each capability gives (capabilities(7)), in a few words. */
export const CAPABILITY_MEANINGS: Record<string, string> = {
  CAP_CHOWN: 'give files to any user and group',
  CAP_DAC_OVERRIDE: 'read and write any file whatever its mode',
  CAP_DAC_READ_SEARCH: 'read any file and open files by handle, past the borders of mounts',
  CAP_FOWNER: 'change modes and attributes of files of other users',
  CAP_FSETID: 'keep set-user-ID bits when a file changes',
  CAP_KILL: 'send signals to processes of any user',
  CAP_SETGID: 'take on any group',
  CAP_SETUID: 'take on any user',
  CAP_SETPCAP: 'drop capabilities from its own sets for good',
  CAP_LINUX_IMMUTABLE: 'set and clear the immutable flag of files',
  CAP_NET_BIND_SERVICE: 'listen on ports below 1024',
  CAP_NET_BROADCAST: 'broadcast on networks',
  CAP_NET_ADMIN: 'configure interfaces, routes and firewall of its network namespace',
  CAP_NET_RAW: 'send and read raw packets: ping, and forged addresses',
  CAP_IPC_LOCK: 'lock memory, so that it is never swapped out',
  CAP_IPC_OWNER: 'use shared memory of other users',
  CAP_SYS_MODULE: 'load kernel modules: that is the whole machine',
  CAP_SYS_RAWIO: 'reach ports and memory of devices: that is the whole machine',
  CAP_SYS_CHROOT: 'change its root folder, and enter mount namespaces',
  CAP_SYS_PTRACE: 'look into and steer any process that it sees',
  CAP_SYS_PACCT: 'switch process accounting on and off',
  CAP_SYS_ADMIN: 'mount, set host names, and most of what root may do: nearly the whole machine',
  CAP_SYS_BOOT: 'restart the machine, load another kernel',
  CAP_SYS_NICE: 'raise priorities of any process',
  CAP_SYS_RESOURCE: 'exceed limits and quotas',
  CAP_SYS_TIME: 'set the clock of the machine',
  CAP_SYS_TTY_CONFIG: 'configure terminals',
  CAP_MKNOD: 'make device files; which it may open is another matter',
  CAP_LEASE: 'be told when others open a file',
  CAP_AUDIT_WRITE: 'write lines of the kernel’s audit log',
  CAP_AUDIT_CONTROL: 'switch the kernel’s audit log off',
  CAP_SETFCAP: 'give capabilities to program files',
  CAP_MAC_OVERRIDE: 'ignore mandatory access control (Smack)',
  CAP_MAC_ADMIN: 'change the rules of mandatory access control',
  CAP_SYSLOG: 'read the kernel’s log, with its addresses',
  CAP_WAKE_ALARM: 'wake the machine from sleep',
  CAP_BLOCK_SUSPEND: 'keep the machine from sleeping',
  CAP_AUDIT_READ: 'read the kernel’s audit log',
  CAP_PERFMON: 'watch the performance of all processes',
  CAP_BPF: 'load programs into the kernel (BPF)',
  CAP_CHECKPOINT_RESTORE: 'choose the numbers of processes, to restore them',
};

/** The table above is in the order of the kernel's numbers. */
const NAMES = Object.keys(CAPABILITY_MEANINGS);

/** The names in a mask of /proc/PID/status, hexadecimal; numbers that are not known are named by their number. */
export function capabilitiesOf(mask: string): string[] {
  const bits = BigInt(`0x${mask || '0'}`);
  const names: string[] = [];
  for (let number = 0n; number < 64n; number++)
    if ((bits >> number) & 1n) names.push(NAMES[Number(number)] ?? `CAP_${number}`);
  return names;
}
