import { closeSync, existsSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { CliError, messageOf } from '../base/errors.ts';
import type { Cli } from '../cli/cli.ts';
import {
  type ContainerFlagValues,
  type ContainerSettings,
  containerSettings,
  type HostConfig,
} from '../parse/container-config.ts';
import { createBody } from '../parse/create-body.ts';
import { cut } from '../parse/csv.ts';
import { familiar, parseReference, type Reference, withDefaultTag } from '../parse/reference.ts';
import { type Api, ApiError } from '../transport/api.ts';

const policies = ['always', 'missing', 'never', ''];

/** Checks `--pull`. Throws with Docker's reason. */
function checkPullPolicy(policy: string): void {
  if (!policies.includes(policy))
    throw new Error(`invalid pull option: '${policy}': must be one of "always", "missing" or "never"`);
}

/** An error of `run` or `create` as Docker words it: with a full stop, and a hint at the help. */
export function reportedError(path: string, error: unknown, withHelp: boolean): string {
  const name = path.split(' ').at(-1)!;
  const text = `${messageOf(error).replace(/\.$/, '')}.`;
  return `berth: ${text}${withHelp ? `\nSee 'berth ${name} --help'.` : ''}`;
}

/** The proxy variables of the configuration that the user did not set himself. */
function proxies(cli: Cli, host: string, env: readonly string[]): Record<string, string> {
  return cli.config().proxyVariables(host, new Set(env.map((pair) => cut(pair, '=')[0])));
}

/**
 * The daemon and the settings of `run` and `create`, from their flags and arguments (the image, then its command).
 * @throws CliError with Docker's exit code for a command line that can't be run.
 */
export async function prepareContainer(
  cli: Cli,
  given: { flags: ContainerFlagValues; given: ReadonlySet<string>; args: readonly string[]; path: string },
): Promise<{ api: Api; settings: ContainerSettings }> {
  const { flags, args } = given;
  try {
    checkPullPolicy(flags.pull);
    const api = await cli.api();
    const variables = cli.config().data.proxies ? proxies(cli, api.endpoint.host, flags.env) : {};
    return { api, settings: containerSettings(flags, given.given, args[0]!, args.slice(1), variables) };
  } catch (error) {
    throw new CliError(reportedError(given.path, error, true), 125);
  }
}

/** The file of `--cidfile`, which exists only when a container was created. */
class IdFile {
  private readonly path: string;
  private readonly fd: number;

  constructor(path: string) {
    this.path = path;
    if (existsSync(path))
      throw new CliError(
        `container ID file found, make sure the other container isn't running or delete ${path}`,
      );
    try {
      this.fd = openSync(path, 'w');
    } catch (error) {
      const why =
        (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'no such file or directory' : messageOf(error);
      throw new CliError(`failed to create the container ID file: open ${path}: ${why}`);
    }
  }

  write(id: string): void {
    writeSync(this.fd, id);
    closeSync(this.fd);
  }

  discard(): void {
    closeSync(this.fd);
    unlinkSync(this.path);
  }
}

function warnings(cli: Cli, hostConfig: HostConfig, dns: readonly string[]): void {
  if (hostConfig.OomKillDisable && !hostConfig.Memory)
    cli.warn(
      "WARNING: Disabling the OOM killer on containers without setting a '-m/--memory' limit may be dangerous.\n",
    );
  const loopback = dns.find((address) => /^127\.([0-9]{1,3}\.){2}[0-9]{1,3}$|^::1$/.test(address));
  if (loopback) cli.warn(`WARNING: Localhost DNS setting (--dns=${loopback}) may fail in containers.\n`);
}

/** The version of the API that mounts images. */
const imageMounts = '1.48';

const mountsImages = (hostConfig: HostConfig): boolean =>
  (hostConfig.Mounts ?? []).some(({ Type }) => Type === 'image');

/** Creates a container, pulling its image as `--pull` says. Returns its id. */
export async function createContainer(
  cli: Cli,
  api: Api,
  settings: ContainerSettings,
  flags: ContainerFlagValues,
): Promise<string> {
  warnings(cli, settings.hostConfig, flags.dns);
  const file = flags.cidfile ? new IdFile(flags.cidfile) : undefined;
  try {
    const id = await createOrPull(cli, api, settings, flags);
    file?.write(id);
    return id;
  } catch (error) {
    file?.discard();
    throw error;
  }
}

async function createOrPull(
  cli: Cli,
  api: Api,
  settings: ContainerSettings,
  flags: ContainerFlagValues,
): Promise<string> {
  const image = settings.config.Image;
  // An id is no name of a repository, and cannot be pulled.
  const isId = /^(sha256:)?[a-f0-9]{64}$/.test(image);
  const named: Reference | undefined = isId ? undefined : withDefaultTag(parseReference(image));
  const pull = async (): Promise<void> => {
    const { pullImage } = await import('./pull.ts');
    await pullImage(cli, api, withDefaultTag(parseReference(image)), {
      platform: flags.platform,
      where: flags.quiet ? 'nowhere' : 'err',
    });
  };
  if (flags.pull === 'always') await pull();
  const request = () =>
    api.json<'ContainerCreate'>('POST', '/containers/create', {
      query: { name: flags.name || undefined, platform: flags.platform || undefined },
      body: createBody(settings, cli.terminalSize() ?? [0, 0]),
      ...(mountsImages(settings.hostConfig) && { version: imageMounts }),
    });
  let created: Awaited<ReturnType<typeof request>>;
  try {
    created = await request();
  } catch (error) {
    const missing = error instanceof ApiError && error.status === 404;
    if (!missing || !named || flags.pull !== 'missing') throw error;
    if (!flags.quiet) cli.warn(`Unable to find image '${familiar(named)}' locally\n`);
    await pull();
    created = await request();
  }
  for (const warning of created.Warnings ?? []) cli.warn(`WARNING: ${warning}\n`);
  return created.Id;
}
