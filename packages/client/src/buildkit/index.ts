import { randomBytes } from 'node:crypto';
import { type BuildKitClient, buildkit, GrpcClient, type Message, type Sent } from '@berth/grpc';
import { CliError, Interrupted } from '../base/errors.ts';
import type { Cli } from '../cli/cli.ts';
import { getCredentials, keyOf } from '../config/credentials.ts';
import { cut } from '../parse/csv.ts';
import { parseReference, withDefaultTag } from '../parse/reference.ts';
import { cancellable } from '../shared/pull.ts';
import { pushImage } from '../shared/push.ts';
import type { Api } from '../transport/api.ts';
import { type AskedFor, askedFor, printAnswer } from './answers.ts';
import { type Contexts, findContexts, writeResult } from './contexts.ts';
import type { BuildKitFlags } from './flags.ts';
import type { BuildOutput } from './outputs.ts';
import { failureText, warningText } from './progress/errors.ts';
import { PlainDisplay } from './progress/plain.ts';
import { BuildState } from './progress/state.ts';
import { TerminalDisplay } from './progress/terminal.ts';
import { attributesFor, outputsOf, solveRequest } from './request.ts';
import { readSecrets } from './secrets.ts';
import { openSession } from './session.ts';
import { Agents } from './ssh.ts';
import { storesOf } from './stores.ts';

/**
 * Builds with BuildKit: solves the Dockerfile over `/grpc` while the daemon reads the context, secrets and credentials
 * over `/session`. Returns the image's id, '' where no image was made. @throws CliError with the step that failed.
 */
export async function buildWithBuildKit(cli: Cli, flags: BuildKitFlags, argument: string): Promise<string> {
  const asked = askedFor(flags);
  const outputs = asked ? [] : outputsOf(flags);
  const api = await cli.api();
  const given = new Set(flags['build-arg'].map((pair) => cut(pair, '=')[0]));
  const attributes = attributesFor(flags, cli.config().proxyVariables(api.endpoint.host, given));
  for (const pair of flags['build-arg'])
    if (!pair.includes('=') && cli.env[pair] !== undefined) attributes[`build-arg:${pair}`] = cli.env[pair];
  // The clock of a reproducible build is set for all builds of a shell, as buildx reads it.
  const epoch = cli.env['SOURCE_DATE_EPOCH'];
  if (epoch && !given.has('SOURCE_DATE_EPOCH')) attributes['build-arg:SOURCE_DATE_EPOCH'] = epoch;
  const secrets = readSecrets(flags.secret, cli.env);
  const agents = await Agents.open(flags.ssh, cli.env);
  let contexts: Contexts | undefined;
  try {
    contexts = await findContexts(argument, flags);
    return await cancellable((signal) =>
      build(cli, api, flags, { outputs, asked, attributes, contexts: contexts!, secrets, agents }, signal),
    );
  } finally {
    contexts?.close();
    agents.close();
  }
}

interface Parts {
  outputs: BuildOutput[];
  asked: AskedFor | undefined;
  attributes: Record<string, string>;
  contexts: Contexts;
  secrets: ReturnType<typeof readSecrets>;
  agents: Agents;
}

async function build(
  cli: Cli,
  api: Api,
  flags: BuildKitFlags,
  parts: Parts,
  signal: AbortSignal,
): Promise<string> {
  const { contexts, outputs, asked } = parts;
  const ref = randomBytes(16).toString('hex');
  const { request, stores } = storesOf(
    solveRequest(flags, {
      ref,
      session: '',
      attributes: {
        ...parts.attributes,
        ...contexts.attributes,
        ...(asked && {
          requestid: asked.request,
          'frontend.caps': 'moby.buildkit.frontend.subrequests+forward',
        }),
      },
      outputs,
    }),
    outputs,
  );
  const session = await openSession(
    api,
    {
      folders: contexts.folders,
      outputs,
      ...(contexts.upload ? { upload: contexts.upload } : {}),
      credentials: (host) => getCredentials(cli.config(), keyOf(host)).catch(() => ({})),
      secrets: parts.secrets,
      agents: parts.agents,
      layouts: stores.layouts,
      stdout: (bytes) => cli.out.writeAll(bytes),
    },
    contexts.shared,
  );
  let client: BuildKitClient | undefined;
  const abort = (): void => client?.destroy();
  signal.addEventListener('abort', abort, { once: true });
  // The session is closed when the builder is refused, too: open, it keeps this process for ever.
  try {
    client = new GrpcClient((await api.hijack<'Grpc'>('/grpc', {}, 'h2c')).socket, buildkit, 'none');
    const response = await solve(cli, client, flags, { ...request, Session: session.id }, signal);
    if (asked) {
      printAnswer(cli, asked, response);
      return '';
    }
    stores.finish(response);
    const id = response['containerimage.config.digest'] ?? response['containerimage.digest'] ?? '';
    for (const output of outputs)
      if (output.push) await push(cli, api, output.attributes['name'] ?? flags.tag.join(','), flags, signal);
    if (flags['metadata-file']) writeResult(flags['metadata-file'], metadata(response, ref));
    return id;
  } finally {
    signal.removeEventListener('abort', abort);
    client?.close();
    session.close();
  }
}

type Display = Pick<PlainDisplay, 'update' | 'end' | 'state'>;

/** Solves and shows how it goes. Gives what the exporters told. */
async function solve(
  cli: Cli,
  client: BuildKitClient,
  flags: BuildKitFlags,
  request: Sent<'SolveRequest'>,
  signal: AbortSignal,
): Promise<Record<string, string>> {
  const display = displayFor(cli, flags);
  const status = client.call('/moby.buildkit.v1.Control/Status', 'StatusRequest', 'StatusResponse');
  const shown = (async () => {
    await status.send({ Ref: request.Ref });
    status.end();
    for await (const message of status.responses) display.update(message);
  })().catch(() => undefined); // the answer to Solve tells what went wrong
  try {
    const answer = await client.unary(
      '/moby.buildkit.v1.Control/Solve',
      'SolveRequest',
      'SolveResponse',
      request,
    );
    await shown;
    display.end();
    if (flags.progress !== 'rawjson' && !flags.quiet) cli.warn(warningText(display.state));
    return answer.ExporterResponse as Record<string, string>;
  } catch (error) {
    if (!signal.aborted) await Promise.race([shown, new Promise((next) => setTimeout(next, 2000))]);
    display.end();
    if (signal.aborted) throw new Interrupted();
    throw new CliError(failureText(error as Error, display.state, true));
  }
}

/** The display that the options and the terminal ask for; progress goes to standard error, as buildx's. */
function displayFor(cli: Cli, flags: BuildKitFlags): Display {
  const mode = flags.quiet ? 'quiet' : flags.progress;
  const print = (text: string): void => cli.err.print(text);
  if (mode === 'quiet') {
    const state = new BuildState();
    return { state, update: (message) => void state.apply(message), end: () => undefined };
  }
  if (mode === 'rawjson') {
    const state = new BuildState();
    const update = (message: Message<'StatusResponse'>): void => {
      state.apply(message);
      print(
        `${JSON.stringify(message, (_key, value) => (isBuffer(value) ? Buffer.from(value.data).toString() : value))}\n`,
      );
    };
    return { state, update, end: () => undefined };
  }
  const size = (): [number, number] => [process.stderr.rows || 24, process.stderr.columns || 80];
  if (mode === 'tty' && !cli.stderrIsTerminal)
    throw new CliError('failed to get console: standard error is no terminal');
  return mode === 'plain' || !cli.stderrIsTerminal
    ? new PlainDisplay(print)
    : new TerminalDisplay({ print, size, builder: 'berth' });
}

const isBuffer = (value: unknown): value is { data: number[] } =>
  typeof value === 'object' && value !== null && (value as { type?: unknown }).type === 'Buffer';

async function push(
  cli: Cli,
  api: Api,
  names: string,
  flags: BuildKitFlags,
  signal: AbortSignal,
): Promise<void> {
  for (const name of names.split(',')) {
    const image = withDefaultTag(parseReference(name));
    await pushImage(cli, api, image, { tag: image.tag, where: flags.quiet ? 'nowhere' : 'err', signal });
  }
}

/** The text of a `--metadata-file`: what the exporters told, values that are JSON in base64 as what they are. */
function metadata(response: Record<string, string>, ref: string): string {
  const values: Record<string, unknown> = { 'buildx.build.ref': ref };
  for (const [name, value] of Object.entries(response)) values[name] = decoded(value);
  const sorted = Object.fromEntries(Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1)));
  return `${JSON.stringify(sorted, null, 2)}\n`;
}

function decoded(value: string): unknown {
  try {
    const text = Buffer.from(value, 'base64').toString();
    if (text.startsWith('{') || text.startsWith('[')) return JSON.parse(text);
  } catch {
    // not JSON in base64: the value itself
  }
  return value;
}
