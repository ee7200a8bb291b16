/* Texts that differ between any two runs of one engine are replaced by their kind. */

const RULES: Array<[RegExp, string]> = [
  // Which runtime said it is no part of the API.
  [
    /failed to create task for container: |failed to create shim task: |OCI runtime (create|exec|start) failed: |runc (create|exec|start) failed: |unable to start container process: |OCI runtime exec failed: |(?<=\w): unknown(?=\.?$)/gm,
    '',
  ],
  [/dial tcp: lookup (registry-1|index).docker.io on [^"]*/g, 'dial tcp: lookup'],
  [/calculate checksum of ref \S+:/g, 'calculate checksum of ref:'],
  [/sha256:[0-9a-f]{64}/g, 'sha256:<DIGEST>'],
  [/\b[0-9a-f]{64}\b/g, '<ID64>'],
  [/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g, '<ID>'],
  [/\b[0-9a-f]{12}\b/g, '<ID12>'],
  [/\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?( ?(Z|[+-]\d\d:?\d\d))?( UTC)?/g, '<TIME>'],
  [/(Less than a second|About a minute|About an hour|\d+ (second|minute|hour)s?) ago/g, '<AGO>'],
  [/Up (Less than a second|About a minute|\d+ (second|minute)s?)/g, 'Up <DUR>'],
  [/\b(172|10|192)\.\d+\.\d+\.\d+\b/g, '<IP>'],
  [/\b([0-9a-f]{2}:){5}[0-9a-f]{2}\b/g, '<MAC>'],
];

/** The text without ids, times and addresses. */
export function normaliseText(text: string): string {
  return RULES.reduce((done, [pattern, kind]) => done.replace(pattern, kind), text);
}

/** The output of a case: also without its prefix, and with runs of blanks folded, as columns are as wide as what stands in them. */
export function normaliseOutput(text: string, prefix: string): string[] {
  return normaliseText(text.replaceAll('\r\n', '\n').replaceAll(prefix, '<T>'))
    .split('\n')
    .map((line) => line.replace(/[ \t]{2,}/g, '  ').trimEnd());
}

/** Members whose value says nothing; that it is there, and of its type, does. */
const VALUES =
  /\.(Pid|PID|Size|SizeRw|SizeRootFs|VirtualSize|SharedSize|Created|Time|time|timeNano|LayersSize|Mountpoint|LogPath|Data|LowerDir|MergedDir|UpperDir|WorkDir|NFd|NGoroutines|NEventsListener|MemTotal|NCPU|SystemTime|total_usage|usage_in_kernelmode|usage_in_usermode|system_cpu_usage|usage|max_usage|limit|rx_[a-z]+|tx_[a-z]+|value|ContainerCount|Image|ImageID|ResolvConfPath|HostnamePath|HostsPath|LastUsedAt|execDuration|CreatedAt|UsageCount)$/;

/** A JSON value as lines, one for each leaf, in the order in which it has them: `.State.Status = "running"`. */
export function flatten(value: unknown, path = ''): string[] {
  if (Array.isArray(value)) {
    if (value.length === 0) return [`${path} = []`];
    return value.flatMap((item, index) => flatten(item, `${path}[${index}]`));
  }
  if (value !== null && typeof value === 'object') {
    const members = Object.entries(value);
    if (members.length === 0) return [`${path} = {}`];
    return members.flatMap(([name, member]) => flatten(member, `${path}.${normaliseText(name)}`));
  }
  if (VALUES.test(path)) return [`${path} = <${value === null ? 'null' : typeof value}>`];
  return [`${path} = ${normaliseText(JSON.stringify(value) ?? 'undefined')}`];
}
