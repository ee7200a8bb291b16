import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { ContextTar } from '../../build/context.ts';
import { remoteContext } from '../../build/source.ts';
import type { Cli } from '../../cli/cli.ts';
import { command, exactly } from '../../cli/command.ts';
import { CliError, messageOf } from '../../cli/errors.ts';
import { bool, type FlagValues, int, list, string, strings } from '../../cli/flags.ts';
import { Output } from '../../cli/output.ts';
import { allCredentials } from '../../config/credentials.ts';
import { humanSize } from '../../format/sizes.ts';
import { bytes, swapBytes, ulimits } from '../../parse/container-flags.ts';
import { cut } from '../../parse/csv.ts';
import { checkEnv, toMap } from '../../parse/environment.ts';
import { checkExtraHost } from '../../parse/hosts.ts';
import { parseReference } from '../../parse/reference.ts';
import { StreamError, showProgressOn } from '../../terminal/progress.ts';
import type { Api, Query } from '../../transport/api.ts';
import { stdinStream, whyNot } from '../shared/files.ts';
import { cancellable } from '../shared/pull.ts';

const flags = {
  'add-host': list('', 'One more host for /etc/hosts (host:ip)', checkExtraHost),
  'build-arg': list('', 'Value of an ARG of the Dockerfile', checkEnv),
  'cache-from': strings('', 'Images whose steps may be used again'),
  'cgroup-parent': string('', 'Parent control group of the steps'),
  compress: bool('', 'Send the context packed by gzip'),
  'cpu-period': int('', 'Period of the CPU quota in microseconds'),
  'cpu-quota': int('', 'CPU time per period in microseconds'),
  'cpu-shares': int('c', 'Relative weight of CPU'),
  'cpuset-cpus': string('', 'CPUs the steps may use (0-3, 0,1)'),
  'cpuset-mems': string('', 'Memory nodes the steps may use (0-3, 0,1)'),
  'disable-content-trust': bool('', 'Accepted for compatibility; signatures are not checked', {
    initial: true,
    hidden: true,
  }),
  file: string('f', 'Dockerfile', { shown: '"PATH/Dockerfile"' }),
  'force-rm': bool('', 'Remove intermediate containers even when the build fails'),
  iidfile: string('', 'Write the ID of the image to this file'),
  isolation: string('', 'Isolation of the steps', { hidden: true }),
  label: list('', 'Label of the image'),
  memory: bytes('m', 'Limit of memory of the steps'),
  'memory-swap': swapBytes('', "Limit of memory and swap together: '-1' for unlimited swap"),
  network: string('', 'Network of the RUN steps', { initial: 'default' }),
  'no-cache': bool('', 'Run every step anew'),
  platform: string('', 'Platform of the image: os/architecture'),
  progress: string('', 'How progress is shown: "auto", "plain" or "tty"', { initial: 'auto' }),
  pull: bool('', 'Look for newer versions of the images the build starts from'),
  quiet: bool('q', 'Only print the ID of the image'),
  rm: bool('', 'Remove intermediate containers', { initial: true }),
  secret: list('', 'Secret of the build; needs BuildKit'),
  'security-opt': strings('', 'Security options of the steps'),
  'shm-size': bytes('', 'Size of /dev/shm of the steps'),
  squash: bool('', 'Make one layer of all the new ones'),
  ssh: list('', 'SSH agent or keys of the build; needs BuildKit'),
  tag: list('t', 'Name and tag of the image', checkTag),
  target: string('', 'Stage to build'),
  ulimit: ulimits('Limits of the processes of the steps'),
};

type Flags = FlagValues<typeof flags>;

function checkTag(raw: string): string {
  parseReference(raw);
  return raw;
}

export default command({
  use: '[OPTIONS] PATH | URL | -',
  about: 'Build an image from a Dockerfile',
  aliases: ['berth image build', 'berth build', 'berth builder build'],
  args: exactly(1),
  flags,
  async run({ cli, flags, args }) {
    checkOptions(flags);
    const [argument] = args as [string];
    if (argument === '-' && flags.file === '-')
      throw new CliError("invalid argument: can't use stdin for both build context and dockerfile");
    if (flags.iidfile) removeOld(flags.iidfile);
    const remote = argument === '-' ? undefined : remoteContext(argument);
    const context = remote ? undefined : await prepare(argument, flags.file);
    const api = await cli.api();
    const imageId = await cancellable((signal) => send(cli, api, flags, context, remote, signal));
    if (!flags.iidfile) return;
    if (!imageId) throw new CliError(`Server did not provide an image ID. Cannot write ${flags.iidfile}`);
    try {
      writeFileSync(flags.iidfile, imageId, { mode: 0o666 });
    } catch (error) {
      throw new CliError(`open ${flags.iidfile}: ${whyNot(error)}`);
    }
  },
});

/** Refuses what only BuildKit can do, and says how it is done. */
function checkOptions(flags: Flags): void {
  for (const name of ['secret', 'ssh'] as const)
    if (flags[name].length)
      throw new CliError(`the --${name} option requires BuildKit. Use "berth buildx build" for it`);
  if (!['auto', 'plain', 'tty', 'quiet', 'rawjson'].includes(flags.progress))
    throw new CliError(`invalid progress mode ${flags.progress}`);
}

function removeOld(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch (error) {
    throw new CliError(`Removing image ID file: remove ${path}: ${whyNot(error)}`);
  }
}

async function prepare(argument: string, file: string): Promise<ContextTar> {
  if (argument === '-') {
    const { stdinContext } = await import('../../build/stdin.ts');
    return stdinContext(stdinStream(), file);
  }
  const [{ folderSource }, { folderTar }] = await Promise.all([
    import('../../build/source.ts'),
    import('../../build/context.ts'),
  ]);
  return folderTar(folderSource(argument, file, () => readFileSync(0)));
}

/** Builds, shows how it goes, and gives the id of the image. */
async function send(
  cli: Cli,
  api: Api,
  flags: Flags,
  context: ContextTar | undefined,
  remote: string | undefined,
  signal: AbortSignal,
): Promise<string> {
  const sent = context && sending(cli, context.body, flags);
  const answer = await api.call('POST', '/build', {
    query: {
      ...buildQuery(cli, api, flags),
      dockerfile: context?.dockerfile ?? (flags.file || undefined),
      remote,
    },
    headers: {
      'X-Registry-Config': Buffer.from(JSON.stringify(await allCredentials(cli.config()))).toString(
        'base64url',
      ),
      ...(sent ? { 'Content-Type': 'application/x-tar' } : {}),
    },
    ...(sent ? { body: sent.body } : {}),
    signal,
  });
  sent?.done();
  let imageId = '';
  const kept: string[] = [];
  const aux = (value: unknown): void => {
    imageId = (value as { ID?: string }).ID ?? imageId;
  };
  try {
    if (flags.quiet) {
      const { showProgress } = await import('../../terminal/progress.ts');
      await showProgress(answer.body, new Memory(kept), undefined, aux);
    } else await showProgressOn(cli, answer.body, 'out', aux);
  } catch (error) {
    if (!(error instanceof StreamError)) throw error;
    // What a quiet build did is of interest when it failed.
    if (flags.quiet) cli.warn((sent?.text() ?? '') + kept.join(''));
    throw new CliError(messageOf(error), error.code || 1);
  }
  if (!flags.quiet) return imageId;
  cli.print(kept.join(''));
  return kept.join('').trim();
}

/** An output that only remembers. */
class Memory extends Output {
  private readonly kept: string[];

  constructor(kept: string[]) {
    super(-1);
    this.kept = kept;
  }

  override print(text: string): void {
    this.kept.push(text);
  }
}

interface Sending {
  body: AsyncIterable<Buffer>;
  /** The daemon has it all and answered. */
  done(): void;
  /** The line of progress as it was at last. */
  text(): string;
}

/** The context on its way to the daemon, with a line that says how much is sent. */
function sending(cli: Cli, body: AsyncIterable<Buffer>, flags: Flags): Sending {
  let total = 0;
  let shown = 0;
  const text = (end: string): string =>
    `Sending build context to Berth daemon ${humanSize(total).padStart(8)}${end}`;
  const show = (line: string): void => {
    if (!flags.quiet) cli.print(line);
  };
  const counted = async function* (): AsyncGenerator<Buffer> {
    for await (const chunk of flags.compress ? await gzipped(body) : body) {
      total += chunk.length;
      if (cli.stdoutIsTerminal && Date.now() - shown > 100) {
        shown = Date.now();
        show(text('\r'));
      }
      yield chunk;
    }
  };
  return { body: counted(), done: () => show(text('\r\r\n')), text: () => text('\r\r\n') };
}

async function gzipped(body: AsyncIterable<Buffer>): Promise<AsyncIterable<Buffer>> {
  const [{ createGzip }, { Readable }] = await Promise.all([import('node:zlib'), import('node:stream')]);
  const packer = createGzip();
  const source = Readable.from(body);
  source.on('error', (error) => packer.destroy(error));
  return source.pipe(packer) as AsyncIterable<Buffer>;
}

const json = (value: unknown): string => JSON.stringify(value);

function buildQuery(cli: Cli, api: Api, flags: Flags): Query {
  const buildArguments: Record<string, string | null> = cli
    .config()
    .proxyVariables(api.endpoint.host, new Set(flags['build-arg'].map((pair) => cut(pair, '=')[0])));
  // An ARG without a value takes the one of the Dockerfile, if that has one.
  for (const pair of flags['build-arg']) {
    const [name, value] = cut(pair, '=');
    buildArguments[name] = value ?? null;
  }
  return {
    version: '1',
    t: flags.tag,
    buildargs: json(buildArguments),
    labels: json(toMap(flags.label)),
    cachefrom: json(flags['cache-from']),
    ulimits: json(flags.ulimit),
    securityopt: flags['security-opt'].length ? json(flags['security-opt']) : undefined,
    extrahosts: flags['add-host'],
    q: flags.quiet || undefined,
    nocache: flags['no-cache'] || undefined,
    rm: flags.rm,
    forcerm: flags['force-rm'] || undefined,
    pull: flags.pull || undefined,
    squash: flags.squash || undefined,
    target: flags.target || undefined,
    platform: flags.platform ? flags.platform.toLowerCase() : undefined,
    networkmode: flags.network,
    cgroupparent: flags['cgroup-parent'] || undefined,
    cpuperiod: flags['cpu-period'] || undefined,
    cpuquota: flags['cpu-quota'] || undefined,
    cpushares: flags['cpu-shares'] || undefined,
    cpusetcpus: flags['cpuset-cpus'] || undefined,
    cpusetmems: flags['cpuset-mems'] || undefined,
    memory: flags.memory || undefined,
    memswap: flags['memory-swap'] || undefined,
    shmsize: flags['shm-size'] || undefined,
  };
}
