/** The fields of the form that something may be wrong with. */
export type FieldName =
  | 'image'
  | 'name'
  | 'command'
  | 'ports'
  | 'mounts'
  | 'env'
  | 'memory'
  | 'cpus'
  | 'pids'
  | 'restart'
  | 'network';

/** What is wrong with one field. */
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
  ['image', /no such image|reference format|repository name|image.* platform|config cannot be empty/i],
  ['env', /environment variable/i],
  ['command', /no command specified|executable file|no such file or directory: unknown|exec format|exec: /i],
  ['memory', /memory/i],
  ['cpus', /\bcpus?\b/i],
  ['pids', /\bpids?\b/i],
  ['restart', /restart policy/i],
  ['mounts', /mount|volume|bind source/i],
  ['network', /network/i],
];

/** The field that a refusal of the engine is about; undefined for what concerns no single one. */
export const fieldOf = (message: string): FieldName | undefined =>
  WORDS.find(([, words]) => words.test(message))?.[0];
