import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** The profile of containers that ask for no other, where the kernel has AppArmor. */
export const DEFAULT_APPARMOR_PROFILE = 'docker-default';

const PROFILE = `
#include <tunables/global>
profile ${DEFAULT_APPARMOR_PROFILE} flags=(attach_disconnected,mediate_deleted) {
  #include <abstractions/base>
  network,
  deny network alg,
  capability,
  file,
  umount,
  signal (receive) peer=unconfined,
  signal (send,receive) peer=${DEFAULT_APPARMOR_PROFILE},
  ptrace (trace,read,tracedby,readby) peer=${DEFAULT_APPARMOR_PROFILE},
  deny mount,
  deny @{PROC}/* w,
  deny @{PROC}/{[^1-9],[^1-9][^0-9],[^1-9s][^0-9y][^0-9s],[^1-9][^0-9][^0-9][^0-9/]*}/** w,
  deny @{PROC}/sys/[^k]** w,
  deny @{PROC}/sys/kernel/{?,??,[^s][^h][^m]**} w,
  deny @{PROC}/sysrq-trigger rwklx,
  deny @{PROC}/kcore rwklx,
  deny /sys/[^f]*/** wklx,
  deny /sys/f[^s]*/** wklx,
  deny /sys/fs/[^c]*/** wklx,
  deny /sys/fs/c[^g]*/** wklx,
  deny /sys/fs/cg[^r]*/** wklx,
  deny /sys/firmware/** rwklx,
  deny /sys/devices/virtual/powercap/** rwklx,
  deny /sys/kernel/security/** rwklx,
}
`;

/** Milliseconds for the parser, which takes one of them where nothing is wrong. */
const PARSER_LIMIT = 60_000;

/** True when the default profile is in the kernel, loading it if it has to be; false when that can't be done. */
export function ensureDefaultProfile(): boolean {
  try {
    const loaded = readFileSync('/sys/kernel/security/apparmor/profiles', 'utf8');
    if (loaded.split('\n').some((line) => line.startsWith(`${DEFAULT_APPARMOR_PROFILE} `))) return true;
  } catch {
    return false;
  }
  const parser = spawnSync('apparmor_parser', ['-Kr'], {
    input: PROFILE,
    stdio: ['pipe', 'ignore', 'ignore'],
    timeout: PARSER_LIMIT,
    killSignal: 'SIGKILL',
  });
  return parser.status === 0;
}
