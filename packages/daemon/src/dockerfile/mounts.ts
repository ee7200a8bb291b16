import { posix } from 'node:path';
import { invalidParameter } from '../base/errors.ts';
import { suggestion } from './suggest.ts';

/** One `--mount` of a RUN. */
export interface Mounts {
  type: 'bind' | 'cache' | 'tmpfs' | 'secret' | 'ssh';
  from: string;
  source: string;
  target: string;
  readonly: boolean;
  id: string;
  required: boolean;
  /** Undefined where the RUN names none of the three. */
  attributes: { mode: number; uid: number; gid: number } | undefined;
  mode: number;
  uid: number;
  gid: number;
  /** Bytes; undefined without a limit. */
  size: number | undefined;
  sharing: 'shared' | 'private' | 'locked';
  env: string;
}

const TYPES = ['bind', 'cache', 'tmpfs', 'secret', 'ssh'];
const SHARING = ['shared', 'private', 'locked'];
/** Options that mean `true` when they stand alone. */
const SWITCHES = new Set(['ro', 'readonly', 'rw', 'readwrite', 'required']);
const KEYS =
  'type from source target readonly id sharing required size mode uid gid src dst destination ro rw readwrite env'.split(
    ' ',
  );

/** The fields of a line of CSV. @throws invalid-parameter for a quote out of its place. */
function fields(line: string): string[] {
  const out: string[] = [];
  const field = /("(?:[^"]|"")*"|[^",]*)(,|$)/y;
  for (let at = 0; at <= line.length; at = field.lastIndex) {
    field.lastIndex = at;
    const match = field.exec(line);
    if (!match)
      throw invalidParameter(
        `failed to parse csv mounts: parse error on line 1, column ${at + 1}: bare " in non-quoted-field`,
      );
    const [, text = '', end] = match;
    out.push(text.startsWith('"') ? text.slice(1, -1).replaceAll('""', '"') : text);
    if (end === '') break;
  }
  return out;
}

/**
 * Checks what can be said of a mount before its variables are known: BuildKit takes no variables in `from`.
 * @throws invalid-parameter with BuildKit's text.
 */
export function checkMount(text: string): void {
  for (const field of fields(text)) {
    const [, key = '', value = ''] = /^([^=]*)=([\s\S]*)$/.exec(field) ?? [];
    if (key.toLowerCase() === 'from' && /\$./.test(value))
      throw invalidParameter(`'from' doesn't support variable expansion, define alias stage instead`);
  }
}

/** A size as Go's units library reads it: `64m`, `1.5GB`. @throws invalid-parameter. */
function bytes(key: string, text: string): number {
  const match = /^(\d+(?:\.\d+)?) ?([kmgtp])?(i?b)?$/i.exec(text);
  if (!match) throw invalidParameter(`invalid value for ${key}: ${text}`);
  const power = match[2] ? 'kmgtp'.indexOf(match[2].toLowerCase()) + 1 : 0;
  return Math.floor(Number(match[1]) * 1024 ** power);
}

function boolean(key: string, text: string): boolean {
  if (/^(1|t|true)$/i.test(text)) return true;
  if (/^(0|f|false)$/i.test(text)) return false;
  throw invalidParameter(`invalid value for ${key}: ${text}`);
}

function number(key: string, text: string, base: 8 | 10): number {
  const value = (base === 8 ? /^[0-7]+$/ : /^\d+$/).test(text) ? Number.parseInt(text, base) : -1;
  if (value < 0 || value > 0xffffffff) throw invalidParameter(`invalid value ${text} for ${key}`);
  return value;
}

/** The options in the order they are written: the values of one depend on the type that came before. */
class Options {
  type: Mounts['type'] = 'bind';
  readonly: boolean | undefined;
  required = false;
  sharing: Mounts['sharing'] | undefined;
  size: number | undefined;
  readonly texts: Record<'from' | 'source' | 'target' | 'id' | 'env', string> = {
    from: '',
    source: '',
    target: '',
    id: '',
    env: '',
  };
  readonly numbers: Partial<Record<'mode' | 'uid' | 'gid', number>> = {};

  set(field: string, expand: (text: string) => string): void {
    const equals = field.indexOf('=');
    const key = (equals < 0 ? field : field.slice(0, equals)).toLowerCase();
    if (equals < 0 && !SWITCHES.has(key))
      throw invalidParameter(`invalid field '${field}' must be a key=value pair`);
    const value = equals < 0 ? 'true' : expand(field.slice(equals + 1));
    switch (key) {
      case 'type':
        this.type = oneOf(TYPES, value, 'unsupported mount type') as Mounts['type'];
        return;
      case 'sharing':
        this.sharing = oneOf(SHARING, value, 'unsupported sharing value') as Mounts['sharing'];
        return;
      case 'from':
      case 'id':
      case 'env':
        this.texts[key] = value;
        return;
      case 'source':
      case 'src':
        this.texts.source = value;
        return;
      case 'target':
      case 'dst':
      case 'destination':
        this.texts.target = value;
        return;
      case 'readonly':
      case 'ro':
        this.readonly = boolean(key, value);
        return;
      case 'readwrite':
      case 'rw':
        this.readonly = !boolean(key, value);
        return;
      case 'required':
        this.mustBe(key, 'secret', 'ssh');
        this.required = boolean(key, value);
        return;
      case 'size':
        this.mustBe(key, 'tmpfs');
        this.size = bytes(key, value);
        return;
      case 'mode':
        this.numbers.mode = number(key, value, 8);
        return;
      case 'uid':
      case 'gid':
        this.numbers[key] = number(key, value, 10);
        return;
      default:
        throw invalidParameter(`unexpected key '${key}' in '${field}'${suggestion(key, KEYS, true)}`);
    }
  }

  private mustBe(key: string, ...types: Array<Mounts['type']>): void {
    if (!types.includes(this.type))
      throw invalidParameter(`unexpected key '${key}' for mount type '${this.type}'`);
  }

  /** @throws invalid-parameter for options that do not go together. */
  check(): void {
    const { type, texts, sharing } = this;
    if (type === 'bind' || type === 'tmpfs')
      for (const key of ['mode', 'uid', 'gid'] as const)
        if (this.numbers[key] !== undefined)
          throw invalidParameter(`${key} not allowed for "${type}" type mounts`);
    if (type === 'secret') {
      if (texts.from !== '') throw invalidParameter('secret mount should not have a from');
      if (sharing !== undefined) throw invalidParameter('secret mount should not define sharing');
      if (texts.source === '' && texts.target === '' && texts.id === '')
        throw invalidParameter('invalid secret mount. one of source, target required');
      if (texts.source !== '' && texts.id !== '') throw invalidParameter("both source and id can't be set");
    }
    if (sharing !== undefined && type !== 'cache')
      throw invalidParameter(`invalid cache sharing set for ${type} mount`);
  }
}

function oneOf(known: string[], value: string, what: string): string {
  if (known.includes(value.toLowerCase())) return value.toLowerCase();
  throw invalidParameter(`${what} ${JSON.stringify(value)}${suggestion(value, known, true)}`);
}

/**
 * Parses a mount's comma-separated options (Dockerfile reference, `RUN --mount`); `expand` fills in variables.
 * @throws invalid-parameter with BuildKit's texts.
 */
export function parseMount(
  text: string,
  workdir: string,
  expand: (text: string) => string = (value) => value,
): Mounts {
  const options = new Options();
  for (const field of fields(text)) options.set(field, expand);
  options.check();
  const { type, numbers } = options;
  const { from, source, env } = options.texts;
  const given = Object.keys(numbers).length > 0;
  const modes = { secret: 0o400, ssh: 0o600, cache: 0o755, bind: 0o755, tmpfs: 0o755 };
  const attributes = { mode: numbers.mode ?? modes[type], uid: numbers.uid ?? 0, gid: numbers.gid ?? 0 };
  const id =
    type === 'secret'
      ? source || options.texts.id || posix.basename(options.texts.target)
      : type === 'ssh'
        ? options.texts.id || 'default'
        : options.texts.id;
  return {
    type,
    from,
    source,
    target: targetOf(type, options.texts.target, id, env, workdir),
    readonly: options.readonly ?? type === 'bind',
    id,
    required: options.required,
    attributes: given ? attributes : undefined,
    ...attributes,
    size: options.size,
    sharing: options.sharing ?? 'shared',
    env,
  };
}

/** The path of a mount in the container; '' for a secret that is only a variable. @throws invalid-parameter for the root itself. */
function targetOf(type: Mounts['type'], target: string, id: string, env: string, workdir: string): string {
  if (type === 'ssh') return target === '' ? '/run/buildkit/ssh_agent.0' : posix.resolve(workdir, target);
  if (type === 'secret') {
    if (target !== '') return posix.resolve(workdir, target);
    return env === '' ? `/run/secrets/${posix.basename(id)}` : '';
  }
  const path = target === '' ? posix.resolve('/', workdir) : posix.resolve('/', workdir, target);
  if (path === '/') throw invalidParameter('invalid mount target "/"');
  return path;
}
