import type { Condition, SeccompArgument, SeccompProfile, SeccompRule } from './profile.ts';

/*
 * The profile of a container that asks for no other: what is not named is refused with EPERM. It lets through what
 * Docker's lets through, for images are written against that, but for the ways into parts of the kernel that containers
 * have no business in: io_uring, and sockets of AF_ALG (kernel crypto) and AF_VSOCK (the hypervisor).
 */

const EPERM = 1;
const ENOSYS = 38;
const AF_ALG = 38;
const AF_VSOCK = 40;
/** CLONE_NEWNS | NEWCGROUP | NEWUTS | NEWIPC | NEWUSER | NEWPID | NEWNET: no namespaces without CAP_SYS_ADMIN. */
const CLONE_NAMESPACES = 0x7e020000;
/** Linux, Linux with 16-bit uids (UNAME26 and combinations), and asking for the present one. */
const PERSONALITIES = [0x0, 0x8, 0x20000, 0x20008, 0xffffffff];

const words = (text: string): string[] => text.trim().split(/\s+/);

const FILES = words(`
  access chdir chmod chown chown32 close close_range copy_file_range creat dup dup2 dup3 faccessat faccessat2 fadvise64
  fadvise64_64 fallocate fchdir fchmod fchmodat fchmodat2 fchown fchown32 fchownat fcntl fcntl64 fdatasync flock fstat
  fstat64 fstatat64 fstatfs fstatfs64 fsync ftruncate ftruncate64 futimesat getcwd getdents getdents64 ioctl lchown
  lchown32 link linkat _llseek lseek lstat lstat64 mkdir mkdirat mknod mknodat name_to_handle_at newfstatat open openat
  openat2 pread64 preadv preadv2 pwrite64 pwritev pwritev2 read readahead readlink readlinkat readv rename renameat
  renameat2 rmdir sendfile sendfile64 splice stat stat64 statfs statfs64 statx statmount listmount symlink symlinkat sync sync_file_range
  syncfs tee truncate truncate64 umask unlink unlinkat utime utimensat utimensat_time64 utimes vmsplice write writev
  cachestat
  fgetxattr flistxattr fremovexattr fsetxattr getxattr getxattrat lgetxattr listxattr listxattrat llistxattr
  lremovexattr lsetxattr removexattr removexattrat setxattr setxattrat
  fanotify_mark inotify_add_watch inotify_init inotify_init1 inotify_rm_watch
  io_cancel io_destroy io_getevents io_pgetevents io_pgetevents_time64 io_setup io_submit ioprio_get ioprio_set
`);

const MEMORY = words(`
  brk madvise membarrier memfd_create memfd_secret mincore mlock mlock2 mlockall mmap mmap2 mprotect mremap mseal msync
  munlock munlockall munmap pkey_alloc pkey_free pkey_mprotect process_mrelease remap_file_pages map_shadow_stack
`);

const PROCESSES = words(`
  capget capset execve execveat exit exit_group fork getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups
  getgroups32 getpgid getpgrp getpid getppid getpriority getresgid getresgid32 getresuid getresuid32 getrlimit getrusage
  getsid gettid getuid getuid32 kill landlock_add_rule landlock_create_ruleset landlock_restrict_self pause pidfd_open
  pidfd_send_signal prctl prlimit64 restart_syscall rseq seccomp setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32
  setgroups setgroups32 setpgid setpriority setregid setregid32 setresgid setresgid32 setresuid setresuid32 setreuid
  setreuid32 setrlimit setsid setuid setuid32 set_tid_address sysinfo tgkill times tkill ugetrlimit uname vfork wait4
  waitid waitpid getcpu getrandom
  get_robust_list get_thread_area set_robust_list set_thread_area futex futex_requeue futex_time64 futex_wait
  futex_waitv futex_wake
  sched_getaffinity sched_getattr sched_getparam sched_get_priority_max sched_get_priority_min sched_getscheduler
  sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity sched_setattr sched_setparam sched_setscheduler
  sched_yield
  rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait
  rt_sigtimedwait_time64 rt_tgsigqueueinfo sigaltstack signalfd signalfd4 sigprocmask sigreturn
`);

const TIME = words(`
  adjtimex alarm clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime clock_gettime64
  clock_nanosleep clock_nanosleep_time64 getitimer gettimeofday nanosleep setitimer time timer_create timer_delete
  timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64 timerfd_create timerfd_gettime
  timerfd_gettime64 timerfd_settime timerfd_settime64
`);

const COMMUNICATION = words(`
  accept accept4 bind connect getpeername getsockname getsockopt listen recv recvfrom recvmmsg recvmmsg_time64 recvmsg
  send sendmmsg sendmsg sendto setsockopt shutdown socketpair
  epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old eventfd eventfd2
  _newselect poll ppoll ppoll_time64 pselect6 pselect6_time64 select pipe pipe2
  ipc mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink
  msgctl msgget msgrcv msgsnd semctl semget semop semtimedop semtimedop_time64 shmat shmctl shmdt shmget
`);

const allow = (names: string | string[], extra: Partial<SeccompRule> = {}): SeccompRule => ({
  names: typeof names === 'string' ? words(names) : names,
  action: 'SCMP_ACT_ALLOW',
  ...extra,
});
const withCapability = (name: string): { includes: Condition } => ({ includes: { caps: [`CAP_${name}`] } });
const onArch = (...arches: string[]): { includes: Condition } => ({ includes: { arches } });
const argument = (
  index: number,
  op: string,
  value: number,
  valueTwo?: number,
): { args: SeccompArgument[] } => ({
  args: [{ index, op: `SCMP_CMP_${op}`, value, ...(valueTwo !== undefined && { valueTwo }) }],
});

export const DEFAULT_PROFILE: SeccompProfile = {
  defaultAction: 'SCMP_ACT_ERRNO',
  defaultErrnoRet: EPERM,
  archMap: [
    { architecture: 'SCMP_ARCH_X86_64', subArchitectures: ['SCMP_ARCH_X86', 'SCMP_ARCH_X32'] },
    { architecture: 'SCMP_ARCH_AARCH64', subArchitectures: ['SCMP_ARCH_ARM'] },
    { architecture: 'SCMP_ARCH_RISCV64', subArchitectures: null },
  ],
  syscalls: [
    allow([...FILES, ...MEMORY, ...PROCESSES, ...TIME, ...COMMUNICATION]),
    allow('process_vm_readv process_vm_writev ptrace', { includes: { minKernel: '4.8' } }),

    // The address family can be told only where it is an argument; behind socketcall (32-bit x86) it is in memory, so
    // that call is gone: ENOSYS makes a C library take the direct one.
    { names: ['socketcall'], action: 'SCMP_ACT_ERRNO', errnoRet: ENOSYS },
    allow('socket', argument(0, 'LT', AF_ALG)),
    allow('socket', argument(0, 'EQ', AF_ALG + 1)),
    allow('socket', argument(0, 'GT', AF_VSOCK)),

    ...PERSONALITIES.map((value) => allow('personality', argument(0, 'EQ', value))),

    allow(
      'arm_fadvise64_64 arm_sync_file_range sync_file_range2 breakpoint cacheflush set_tls',
      onArch('arm', 'arm64'),
    ),
    allow('arch_prctl modify_ldt uretprobe', onArch('amd64')),
    allow('riscv_flush_icache riscv_hwprobe', onArch('riscv64')),

    allow(
      `bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie lsm_get_self_attr
       lsm_list_modules lsm_set_self_attr mount mount_setattr move_mount open_tree perf_event_open quotactl quotactl_fd
       setdomainname sethostname setns syslog umount umount2 unshare`,
      withCapability('SYS_ADMIN'),
    ),
    allow('clone', {
      ...argument(0, 'MASKED_EQ', CLONE_NAMESPACES, 0),
      excludes: { caps: ['CAP_SYS_ADMIN'] },
    }),
    // Its flags are in memory, out of a filter's sight; ENOSYS makes a C library fall back to clone.
    { names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: ENOSYS, excludes: { caps: ['CAP_SYS_ADMIN'] } },

    allow('open_by_handle_at', withCapability('DAC_READ_SEARCH')),
    allow('reboot', withCapability('SYS_BOOT')),
    allow('chroot', withCapability('SYS_CHROOT')),
    allow('delete_module init_module finit_module', withCapability('SYS_MODULE')),
    allow('acct', withCapability('SYS_PACCT')),
    allow(
      'kcmp pidfd_getfd process_madvise process_vm_readv process_vm_writev ptrace',
      withCapability('SYS_PTRACE'),
    ),
    allow('iopl ioperm', withCapability('SYS_RAWIO')),
    allow('settimeofday stime clock_settime clock_settime64', withCapability('SYS_TIME')),
    allow('vhangup', withCapability('SYS_TTY_CONFIG')),
    allow('get_mempolicy mbind set_mempolicy set_mempolicy_home_node', withCapability('SYS_NICE')),
    allow('syslog', withCapability('SYSLOG')),
    allow('bpf', withCapability('BPF')),
    allow('perf_event_open', withCapability('PERFMON')),
  ],
};
