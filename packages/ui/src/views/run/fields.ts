/** The fields of the form that something may be wrong with. */
export type FieldName =
  | 'image'
  | 'name'
  | 'entrypoint'
  | 'command'
  | 'user'
  | 'folder'
  | 'ports'
  | 'mounts'
  | 'env'
  | 'labels'
  | 'health'
  | 'healthInterval'
  | 'healthTimeout'
  | 'healthStart'
  | 'healthRetries'
  | 'memory'
  | 'cpus'
  | 'pids'
  | 'restart'
  | 'network';

/** The fault of one field. */
export class FieldError extends Error {
  readonly field: FieldName;

  constructor(field: FieldName, message: string) {
    super(message);
    this.name = 'FieldError';
    this.field = field;
  }
}

/** The engine's words for what it refuses, by the field that they are about; the first that fits counts. */
const WORDS: ReadonlyArray<readonly [FieldName, RegExp]> = [
  ['name', /container name/i],
  [
    'ports',
    /port specification|port is already allocated|address already in use|invalid IP address|userland proxy/i,
  ],
  ['image', /no such image|reference format|repository name|image .{0,300} platform|config cannot be empty/i],
  ['env', /environment variable/i],
  [
    'user',
    /unable to find (?:user|group)|entries in (?:passwd|group) file|invalid (?:user|uid|gid)|uids and gids/i,
  ],
  ['folder', /working directory|\bcwd\b|chdir/i],
  ['healthInterval', /^Interval in Healthcheck/],
  ['healthTimeout', /^Timeout in Healthcheck/],
  ['healthStart', /^StartPeriod in Healthcheck/],
  ['healthRetries', /^Retries in Healthcheck/],
  ['health', /healthcheck/i],
  ['command', /no command specified|executable file|no such file or directory: unknown|exec format|exec: /i],
  ['memory', /memory/i],
  ['cpus', /\bcpus?\b/i],
  ['pids', /\bpids?\b/i],
  ['restart', /restart policy/i],
  ['mounts', /mount|volume|bind source/i],
  ['network', /network/i],
];

/** Characters of a refusal that are looked at. */
const LOOKED_AT = 2000;

/**
 * The field that a refusal of the engine is about; undefined for what concerns no single one. A program that cannot be run is
 * the entrypoint, where one was given.
 */
export function fieldOf(message: string, given: { entrypoint: string }): FieldName | undefined {
  const start = message.slice(0, LOOKED_AT);
  const field = WORDS.find(([, words]) => words.test(start))?.[0];
  return field === 'command' && given.entrypoint.trim() ? 'entrypoint' : field;
}
