import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { SentQueryOf } from '@berth/api-spec';
import { CliError, messageOf } from '../../base/errors.ts';
import { bool, type FlagValues, int, parseBool, string, strings } from '../../base/flags.ts';
import { Output } from '../../base/output.ts';
import type { ContextTar } from '../../build/context.ts';
import { remoteContext } from '../../build/source.ts';
import { buildKitFlags, commonFlags } from '../../buildkit/flags.ts';
import type { Cli } from '../../cli/cli.ts';
import { command, exactly } from '../../cli/command.ts';
import { allCredentials } from '../../config/credentials.ts';
import { humanSize } from '../../format/sizes.ts';
import { bytes, swapBytes } from '../../parse/container-flags.ts';
import { cut } from '../../parse/csv.ts';
import { toMap } from '../../parse/environment.ts';
import { stdinStream, whyNot } from '../../shared/files.ts';
import { contentTrustFlag } from '../../shared/formats.ts';
import { cancellable } from '../../shared/pull.ts';
import { StreamError, showProgressOn } from '../../terminal/progress.ts';
import type { Api } from '../../transport/api.ts';

/** The options that only the classic builder knows. */
const classicFlags = {
  compress: bool('', 'Send the context packed by gzip (classic builder)'),
  'cpu-period': int('', 'Period of the CPU quota in microseconds (classic builder)'),
  'cpu-quota': int('', 'CPU time per period in microseconds (classic builder)'),
  'cpu-shares': int('c', 'Relative weight of CPU (classic builder)'),
  'cpuset-cpus': string('', 'CPUs the steps may use: 0-3, 0,1 (classic builder)'),
  'cpuset-mems': string('', 'Memory nodes the steps may use: 0-3, 0,1 (classic builder)'),
  'disable-content-trust': contentTrustFlag(),
  'force-rm': bool('', 'Remove intermediate containers even when the build fails (classic builder)'),
  isolation: string('', 'Isolation of the steps', { hidden: true }),
  memory: bytes('m', 'Limit of memory of the steps (classic builder)'),
  'memory-swap': swapBytes(
    '',
    "Limit of memory and swap together: '-1' for unlimited swap (classic builder)",
  ),
  rm: bool('', 'Remove intermediate containers (classic builder)', { initial: true }),
  'security-opt': strings('', 'Security options of the steps (classic builder)'),
  squash: bool('', 'Make one layer of all the new ones (classic builder)'),
};

const flags = { ...commonFlags, ...buildKitFlags, ...classicFlags };

type Flags = FlagValues<typeof flags>;

export default command({
  use: '[OPTIONS] PATH | URL | -',
  about: 'Build an image from a Dockerfile',
  aliases: ['berth image build', 'berth build', 'berth builder build'],
  args: exactly(1),
  flags,
  async run({ cli, flags, given, args }) {
    if (!['auto', 'plain', 'tty', 'quiet', 'rawjson'].includes(flags.progress))
      throw new CliError(`invalid progress mode ${flags.progress}`);
    const [argument] = args as [string];
    if (argument === '-' && flags.file === '-')
      throw new CliError("invalid argument: can't use stdin for both build context and dockerfile");
    if (flags.iidfile) removeOld(flags.iidfile);
    if (await usesBuildKit(cli, given)) {
      const { buildWithBuildKit } = await import('../../buildkit/index.ts');
      const id = await buildWithBuildKit(cli, flags, argument);
      if (flags.quiet && id) cli.print(`${id}\n`);
      if (flags.iidfile && id) writeIdFile(flags.iidfile, id);
      return;
    }
    const remote = argument === '-' ? undefined : remoteContext(argument);
    const context = remote ? undefined : await prepare(argument, flags.file);
    const api = await cli.api();
    const imageId = await cancellable((signal) => send(cli, api, flags, context, remote, signal));
    if (!flags.iidfile) return;
    if (!imageId) throw new CliError(`Server did not provide an image ID. Cannot write ${flags.iidfile}`);
    writeIdFile(flags.iidfile, imageId);
  },
});

function writeIdFile(path: string, id: string): void {
  try {
    writeFileSync(path, id, { mode: 0o666 });
  } catch (error) {
    throw new CliError(`open ${path}: ${whyNot(error)}`);
  }
}

/** Options that the classic builder acts upon and BuildKit would not: with one of them it builds. */
const wantClassic = Object.keys(classicFlags).filter(
  (name) => !['disable-content-trust', 'rm', 'force-rm', 'compress', 'isolation'].includes(name),
);

/**
 * Whether BuildKit builds: the builder is the one that BERTH_BUILDKIT (else DOCKER_BUILDKIT) names, else the one that has
 * the options given, else the daemon's own choice. @throws CliError where no builder has all the options.
 */
async function usesBuildKit(cli: Cli, given: ReadonlySet<string>): Promise<boolean> {
  const setting = cli.env['BERTH_BUILDKIT'] || cli.env['DOCKER_BUILDKIT'];
  const classic = wantClassic.find((name) => given.has(name));
  const modern = Object.keys(buildKitFlags).find((name) => given.has(name));
  const chosen = setting ? parseBool(setting) : undefined;
  if (classic && (modern || chosen))
    throw new CliError(
      `--${classic} needs the classic builder, which ${modern ? `has no --${modern}` : 'BERTH_BUILDKIT or DOCKER_BUILDKIT excludes'}`,
    );
  if (modern && chosen === false)
    throw new CliError(`the --${modern} option requires BuildKit: unset BERTH_BUILDKIT and DOCKER_BUILDKIT`);
  if (classic) return false;
  return chosen ?? (modern !== undefined || (await (await cli.api()).prefersBuildKit()));
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
  const answer = await api.call<'ImageBuild'>('POST', '/build', {
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
    // The output of a quiet build is of interest when it failed.
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

function buildQuery(cli: Cli, api: Api, flags: Flags): SentQueryOf<'ImageBuild'> {
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
    platform: flags.platform.length ? flags.platform.join(',').toLowerCase() : undefined,
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
