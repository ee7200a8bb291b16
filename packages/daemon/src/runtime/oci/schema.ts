/*
 * The rules of the OCI runtime specification's config.json (config.md, config-linux.md and the JSON schema beside them),
 * for tests: what a member may be, and that no other member stands beside it.
 */

type Rule = (value: unknown, at: string) => string[];

const wrong = (at: string, value: unknown, want: string) => [
  `${at}: ${JSON.stringify(value)} is not ${want}`,
];
const isNumber = (value: unknown, least: bigint, most: bigint): boolean =>
  (typeof value === 'bigint' || Number.isInteger(value)) &&
  BigInt(value as number) >= least &&
  BigInt(value as number) <= most;
const number =
  (want: string, least: bigint, most: bigint): Rule =>
  (value, at) =>
    isNumber(value, least, most) ? [] : wrong(at, value, want);
const text: Rule = (value, at) => (typeof value === 'string' ? [] : wrong(at, value, 'a string'));
const flag: Rule = (value, at) => (typeof value === 'boolean' ? [] : wrong(at, value, 'a boolean'));
const like =
  (pattern: RegExp): Rule =>
  (value, at) =>
    typeof value === 'string' && pattern.test(value) ? [] : wrong(at, value, String(pattern));
const oneOf =
  (...values: string[]): Rule =>
  (value, at) =>
    values.includes(value as string) ? [] : wrong(at, value, `one of ${values.join(', ')}`);
const list =
  (item: Rule, least = 0): Rule =>
  (value, at) =>
    Array.isArray(value) && value.length >= least
      ? value.flatMap((one, index) => item(one, `${at}[${index}]`))
      : wrong(at, value, `a list of at least ${least}`);
const map =
  (item: Rule): Rule =>
  (value, at) =>
    isObject(value)
      ? Object.entries(value).flatMap(([key, one]) => item(one, `${at}.${key}`))
      : wrong(at, value, 'an object');
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
/** Members whose names begin with `?` may be missing. */
const object =
  (members: Record<string, Rule>): Rule =>
  (value, at) => {
    if (!isObject(value)) return wrong(at, value, 'an object');
    const problems = Object.keys(value)
      .filter((key) => !(key in members) && !(`?${key}` in members))
      .map((key) => `${at}.${key} is not in the specification`);
    for (const [name, rule] of Object.entries(members)) {
      const key = name.replace(/^\?/, '');
      if (key in value) problems.push(...rule(value[key], `${at}.${key}`));
      else if (key === name) problems.push(`${at}.${key} is missing`);
    }
    return problems;
  };
const all =
  (...rules: Rule[]): Rule =>
  (value, at) =>
    rules.flatMap((rule) => rule(value, at));
/** No two items are alike in that member. */
const distinct =
  (member: string): Rule =>
  (value, at) => {
    const names = (value as Array<Record<string, unknown>>).map((item) => item[member]);
    return new Set(names).size === names.length ? [] : wrong(at, names, `distinct by ${member}`);
  };

const uint16 = number('a uint16', 0n, 0xffffn);
const uint32 = number('a uint32', 0n, 0xffffffffn);
const uint64 = number('a uint64', 0n, (1n << 64n) - 1n);
const int64 = number('an int64', -(1n << 63n), (1n << 63n) - 1n);
const path = like(/^\//);
const capabilities = list(like(/^CAP_[A-Z_]+$/));
const mappings = list(object({ containerID: uint32, hostID: uint32, size: uint32 }));
const block = { major: int64, minor: int64 };
const rates = list(object({ ...block, rate: uint64 }));
const action = like(/^SCMP_ACT_(KILL|KILL_PROCESS|KILL_THREAD|TRAP|ERRNO|TRACE|ALLOW|LOG|NOTIFY)$/);

/** A soft limit is not above the hard one. */
const ordered: Rule = (value, at) => {
  const { soft, hard } = value as { soft: number | bigint; hard: number | bigint };
  return BigInt(soft) <= BigInt(hard) ? [] : wrong(at, String(soft), `at most ${hard}`);
};

export const PROCESS = object({
  terminal: flag,
  '?consoleSize': object({ height: uint64, width: uint64 }),
  user: object({ uid: uint32, gid: uint32, '?additionalGids': list(uint32) }),
  args: list(text, 1),
  env: list(text),
  cwd: path,
  capabilities: object({
    bounding: capabilities,
    effective: capabilities,
    inheritable: capabilities,
    permitted: capabilities,
    ambient: capabilities,
  }),
  '?rlimits': all(
    list(all(object({ type: like(/^RLIMIT_[A-Z]+$/), soft: uint64, hard: uint64 }), ordered)),
    distinct('type'),
  ),
  noNewPrivileges: flag,
  '?apparmorProfile': text,
  '?selinuxLabel': text,
  oomScoreAdj: number('from -1000 to 1000', -1000n, 1000n),
});

const RESOURCES = object({
  '?devices': list(
    object({
      allow: flag,
      '?type': oneOf('a', 'b', 'c'),
      '?major': int64,
      '?minor': int64,
      access: like(/^[rwm]*$/),
    }),
  ),
  '?memory': object({
    '?limit': int64,
    '?reservation': int64,
    '?swap': int64,
    '?swappiness': number('from 0 to 100', 0n, 100n),
    '?disableOOMKiller': flag,
  }),
  '?cpu': object({
    '?shares': uint64,
    '?quota': int64,
    '?period': uint64,
    '?realtimeRuntime': int64,
    '?realtimePeriod': uint64,
    '?cpus': text,
    '?mems': text,
  }),
  '?pids': object({ limit: int64 }),
  '?blockIO': object({
    '?weight': uint16,
    '?weightDevice': list(object({ ...block, weight: uint16 })),
    '?throttleReadBpsDevice': rates,
    '?throttleWriteBpsDevice': rates,
    '?throttleReadIOPSDevice': rates,
    '?throttleWriteIOPSDevice': rates,
  }),
});

const SECCOMP = object({
  defaultAction: action,
  '?defaultErrnoRet': uint32,
  architectures: list(like(/^SCMP_ARCH_[A-Z0-9_]+$/)),
  '?flags': list(like(/^SECCOMP_FILTER_FLAG_[A-Z_]+$/), 1),
  syscalls: list(
    object({
      names: list(text, 1),
      action,
      '?errnoRet': uint32,
      '?args': list(
        object({
          index: uint32,
          value: uint64,
          '?valueTwo': uint64,
          op: like(/^SCMP_CMP_(NE|LT|LE|EQ|GE|GT|MASKED_EQ)$/),
        }),
      ),
    }),
  ),
});

const CONFIG = object({
  ociVersion: like(/^1\.[0-2]\.\d+$/),
  process: PROCESS,
  root: object({ path: like(/./), readonly: flag }),
  '?hostname': text,
  '?domainname': text,
  mounts: list(object({ destination: path, '?type': text, '?source': text, '?options': list(text) })),
  annotations: map(text),
  '?hooks': map(
    list(
      object({
        path,
        '?args': list(text),
        '?env': list(text),
        '?timeout': number('positive', 1n, 1n << 63n),
      }),
    ),
  ),
  linux: object({
    '?uidMappings': mappings,
    '?gidMappings': mappings,
    namespaces: all(
      list(
        object({
          type: oneOf('mount', 'network', 'pid', 'ipc', 'uts', 'cgroup', 'user', 'time'),
          '?path': path,
        }),
      ),
      distinct('type'),
    ),
    devices: all(
      list(
        object({
          path,
          type: oneOf('c', 'b', 'u', 'p'),
          major: int64,
          minor: int64,
          fileMode: number('a mode', 0n, 0o7777n),
          uid: uint32,
          gid: uint32,
        }),
      ),
      distinct('path'),
    ),
    resources: RESOURCES,
    cgroupsPath: path,
    sysctl: map(text),
    '?seccomp': SECCOMP,
    '?intelRdt': object({
      '?closID': text,
      '?l3CacheSchema': text,
      '?memBwSchema': text,
      '?schemata': list(text),
      '?enableMonitoring': flag,
      '?enableCMT': flag,
      '?enableMBM': flag,
    }),
    '?netDevices': map(object({ name: text })),
    '?rootfsPropagation': oneOf('private', 'slave', 'shared', 'unbindable', 'rprivate', 'rslave', 'rshared'),
    maskedPaths: list(path),
    readonlyPaths: list(path),
  }),
});

/** The faults in the text of a config.json; numbers that JavaScript can't hold are taken exactly. */
export function problemsOf(config: string, rule: Rule = CONFIG): string[] {
  const reviver = (_: string, value: unknown, { source }: { source?: string } = {}) =>
    typeof value === 'number' && source && !Number.isSafeInteger(value) ? BigInt(source) : value;
  return rule(JSON.parse(config, reviver as (key: string, value: unknown) => unknown), 'config');
}
