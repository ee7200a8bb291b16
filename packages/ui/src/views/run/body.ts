import type { RequestOf } from '@berth/api-spec';
import { parseBytes, parseCpus, parseDuration } from '@berth/client/parse/units.ts';
import { splitWords } from '../../base/words.ts';
import { FieldError, type FieldName } from './fields.ts';

export interface PortRow {
  address: string;
  host: string;
  container: string;
  protocol: string;
}

export interface MountRow {
  /** A path of the host, or the name of a volume; empty: a volume without a name. */
  source: string;
  target: string;
  readOnly: boolean;
}

/** A variable or a label. */
export interface PairRow {
  name: string;
  value: string;
}

/** The values of the form, as they were typed. */
export interface RunForm {
  image: string;
  name: string;
  entrypoint: string;
  command: string;
  user: string;
  folder: string;
  ports: PortRow[];
  mounts: MountRow[];
  env: PairRow[];
  labels: PairRow[];
  /** `command` or `none`; empty: the image's own. */
  health: string;
  healthCommand: string;
  healthInterval: string;
  healthTimeout: string;
  healthStart: string;
  healthRetries: string;
  memory: string;
  cpus: string;
  pids: string;
  restart: string;
  retries: string;
  network: string;
  tty: boolean;
  autoRemove: boolean;
}

/** The form as it opens: the image alone is filled in. */
export const emptyForm = (image: string): RunForm => ({
  image,
  name: '',
  entrypoint: '',
  command: '',
  user: '',
  folder: '',
  ports: [],
  mounts: [],
  env: [],
  labels: [],
  health: '',
  healthCommand: '',
  healthInterval: '',
  healthTimeout: '',
  healthStart: '',
  healthRetries: '',
  memory: '',
  cpus: '',
  pids: '',
  restart: 'no',
  retries: '',
  network: '',
  tty: false,
  autoRemove: false,
});

type Body = RequestOf<'ContainerCreate'>;

/** Reads one field; what is wrong with it is told as that field's. */
function read<T>(field: FieldName, reader: (text: string) => T, text: string): T {
  try {
    return reader(text.trim());
  } catch (error) {
    throw new FieldError(field, (error as Error).message);
  }
}

function wholeNumber(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new Error(`${text} is no whole number`);
  return Number(text);
}

function ports(rows: readonly PortRow[]) {
  const bindings: Record<string, Array<{ HostIp: string; HostPort: string }>> = {};
  for (const { address, host, container, protocol } of rows) {
    if (!address.trim() && !host.trim() && !container.trim()) continue;
    const port = `${container.trim()}/${protocol}`;
    bindings[port] ??= [];
    bindings[port].push({ HostIp: address.trim(), HostPort: host.trim() });
  }
  return bindings;
}

/** A field that may be empty. */
const given = <T>(field: FieldName, reader: (text: string) => T, text: string): T | undefined =>
  text.trim() === '' ? undefined : read(field, reader, text);

const filled = (rows: readonly PairRow[]) => rows.filter(({ name, value }) => name.trim() || value);

function labels(rows: readonly PairRow[]): Record<string, string> {
  const named = filled(rows).map(({ name, value }) => [name.trim(), value] as const);
  if (named.some(([name]) => name === '')) throw new FieldError('labels', 'a label needs a name');
  return Object.fromEntries(named);
}

/** The health check; undefined: the image's own. */
function health(form: RunForm): Body['Healthcheck'] {
  if (form.health === 'none') return { Test: ['NONE'] };
  if (form.health !== 'command') return undefined;
  const command = form.healthCommand.trim();
  if (command === '') throw new FieldError('health', 'the check needs a command');
  return {
    Test: ['CMD-SHELL', command],
    Interval: given('healthInterval', parseDuration, form.healthInterval) ?? 0,
    Timeout: given('healthTimeout', parseDuration, form.healthTimeout) ?? 0,
    StartPeriod: given('healthStart', parseDuration, form.healthStart) ?? 0,
    Retries: given('healthRetries', wholeNumber, form.healthRetries) ?? 0,
  };
}

/**
 * The request that the form stands for. Texts that have a syntax are read here; whether they make sense is the engine's to
 * say. Throws FieldError.
 */
export function createBody(form: RunForm): Body {
  const bindings = ports(form.ports);
  const command = read('command', splitWords, form.command);
  const entrypoint = read('entrypoint', splitWords, form.entrypoint);
  const check = health(form);
  const retries = form.restart === 'on-failure' ? given('restart', wholeNumber, form.retries) : undefined;
  return {
    Image: form.image.trim(),
    ...(entrypoint.length > 0 && { Entrypoint: entrypoint }),
    ...(command.length > 0 && { Cmd: command }),
    User: form.user.trim(),
    WorkingDir: form.folder.trim(),
    Env: filled(form.env).map(({ name, value }) => `${name.trim()}=${value}`),
    Labels: labels(form.labels),
    ...(check && { Healthcheck: check }),
    Tty: form.tty,
    OpenStdin: form.tty,
    ExposedPorts: Object.fromEntries(Object.keys(bindings).map((port) => [port, {}])),
    HostConfig: {
      PortBindings: bindings,
      Mounts: form.mounts
        .filter(({ source, target }) => source.trim() || target.trim())
        .map(({ source, target, readOnly }) => ({
          Type: source.trim().startsWith('/') ? ('bind' as const) : ('volume' as const),
          Source: source.trim(),
          Target: target.trim(),
          ReadOnly: readOnly,
        })),
      Memory: given('memory', parseBytes, form.memory) ?? 0,
      NanoCpus: given('cpus', parseCpus, form.cpus) ?? 0,
      PidsLimit: given('pids', wholeNumber, form.pids) ?? null,
      RestartPolicy: { Name: form.restart, MaximumRetryCount: retries ?? 0 },
      NetworkMode: form.network || 'default',
      AutoRemove: form.autoRemove,
    },
  } as Body;
}
