import type { RequestOf } from '@berth/api-spec';
import { parseBytes, parseCpus } from '@berth/client/parse/units.ts';
import { splitWords } from '../../base/words.ts';
import { FieldError } from './fields.ts';

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

export interface VariableRow {
  name: string;
  value: string;
}

/** What the form holds, as it was typed. */
export interface RunForm {
  image: string;
  name: string;
  command: string;
  ports: PortRow[];
  mounts: MountRow[];
  env: VariableRow[];
  memory: string;
  cpus: string;
  pids: string;
  restart: string;
  retries: string;
  network: string;
  tty: boolean;
  autoRemove: boolean;
}

export const emptyForm = (image: string): RunForm => ({
  image,
  name: '',
  command: '',
  ports: [],
  mounts: [],
  env: [],
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
function read<T>(field: FieldError['field'], reader: (text: string) => T, text: string): T {
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

/**
 * The request that the form stands for. Texts that have a syntax are read here; whether they make sense is the engine's to
 * say. Throws FieldError.
 */
export function createBody(form: RunForm): Body {
  const bindings = ports(form.ports);
  const command = read('command', splitWords, form.command);
  const given = <T>(
    field: 'memory' | 'cpus' | 'pids' | 'restart',
    reader: (text: string) => T,
    text: string,
  ) => (text.trim() === '' ? undefined : read(field, reader, text));
  const retries = form.restart === 'on-failure' ? given('restart', wholeNumber, form.retries) : undefined;
  return {
    Image: form.image.trim(),
    ...(command.length > 0 && { Cmd: command }),
    Env: form.env
      .filter(({ name, value }) => name.trim() || value)
      .map(({ name, value }) => `${name.trim()}=${value}`),
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
