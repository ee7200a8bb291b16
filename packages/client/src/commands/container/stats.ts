import { CliError, messageOf } from '../../base/errors.ts';
import { bool, string } from '../../base/flags.ts';
import type { Cli } from '../../cli/cli.ts';
import { anyArgs, command } from '../../cli/command.ts';
import { formatList } from '../../format/list.ts';
import { filtersQuery } from '../../shared/filters.ts';
import { figuresOf, type StatsSample, type Usage, usageColumns } from '../../shared/usage.ts';
import type { Api } from '../../transport/api.ts';
import { jsonValues } from '../../transport/body.ts';

const tableFormat =
  'table {{.ID}}\t{{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.MemPerc}}\t{{.NetIO}}\t{{.BlockIO}}\t{{.PIDs}}';
/** Time between two pictures on the screen, in milliseconds. */
const pictureEvery = 500;
/** A container that has sent nothing for so long, in milliseconds, is shown without figures. */
const patience = 2000;

/** One container that is watched. */
class Watched {
  readonly usage: Usage;
  failure: Error | undefined;
  private readonly controller = new AbortController();
  private timer: NodeJS.Timeout | undefined;

  constructor(name: string) {
    this.usage = { container: name, id: '', name: '' };
  }

  /** Reads samples until the container goes, or just one. Resolves at the first sample or failure. */
  start(api: Api, stream: boolean): Promise<void> {
    return new Promise((resolve) => {
      this.read(api, stream, resolve).then(resolve, (error: Error) => {
        this.failure ??= error;
        resolve();
      });
    });
  }

  private async read(api: Api, stream: boolean, first: () => void): Promise<void> {
    const { signal } = this.controller;
    const { body } = await api.call<'ContainerStats'>('GET', `/containers/${this.usage.container}/stats`, {
      query: { stream },
      signal,
    });
    for await (const sample of jsonValues<StatsSample>(body)) {
      this.usage.figures = figuresOf(sample);
      if (sample.id) this.usage.id = sample.id;
      if (sample.name) this.usage.name = sample.name;
      first();
      if (!stream) return;
      clearTimeout(this.timer);
      this.timer = setTimeout(() => {
        this.usage.figures = undefined;
      }, patience);
    }
  }

  stop(): void {
    clearTimeout(this.timer);
    this.controller.abort(new Error('no longer of interest'));
  }
}

export default command({
  use: '[OPTIONS] [CONTAINER...]',
  about: 'Show the resource usage of containers, live',
  aliases: ['berth container stats', 'berth stats'],
  args: anyArgs,
  flags: {
    all: bool('a', 'Stopped ones too'),
    format: string('', '"table", "table TEMPLATE", "json", or a Go template for each'),
    'no-stream': bool('', 'Show one sample and end'),
    'no-trunc': bool('', 'Cut nothing short'),
  },
  async run({ cli, flags, args }) {
    let format = flags.format || (cli.config().data.statsFormat ?? '') || 'table';
    if (format === 'table') format = tableFormat;
    const layout = usageColumns(!flags['no-trunc']);
    formatList(layout, [], format);
    const api = await cli.api();
    const stream = !flags['no-stream'];
    const names = args.length ? args : await listed(api, flags.all);
    const watched = new Map<string, Watched>();
    const watch = (name: string): Promise<void> => {
      if (watched.has(name)) return Promise.resolve();
      const one = new Watched(name);
      watched.set(name, one);
      return one.start(api, stream);
    };
    if (stream && args.length === 0) await follow(api, flags.all, watched, watch);
    await Promise.all(names.map(watch));
    const failures = [...watched.values()].flatMap(({ failure }) => (failure ? [messageOf(failure)] : []));
    if (failures.length && args.length) throw new CliError(failures.join('\n'));
    const rows = (): Usage[] =>
      [...watched.values()].filter(({ failure }) => !failure).map(({ usage }) => usage);
    if (!stream) {
      cli.print(formatList(layout, rows(), format));
      return;
    }
    await show(
      cli,
      () => formatList(layout, rows(), format),
      () => {
        for (const [name, one] of watched) if (one.failure) watched.delete(name);
        // Named containers that are all gone leave nothing to wait for; of all, new ones may come.
        return args.length > 0 && watched.size === 0;
      },
    );
  },
});

const listed = async (api: Api, all: boolean): Promise<string[]> =>
  (await api.json<'ContainerList'>('GET', '/containers/json', { query: { all: all || undefined } })).map(
    ({ Id }) => Id.slice(0, 12),
  );

/** Keeps the set of containers what `ps` would show. Resolves when the daemon has begun to tell. */
async function follow(
  api: Api,
  all: boolean,
  watched: Map<string, Watched>,
  watch: (name: string) => Promise<void>,
): Promise<void> {
  const { body } = await api.call<'SystemEvents'>('GET', '/events', {
    query: { filters: filtersQuery({ type: ['container'] }) },
  });
  const comes = all ? 'create' : 'start';
  const goes = all ? 'destroy' : 'die';
  (async () => {
    for await (const { Action, Actor } of jsonValues<{ Action: string; Actor: { ID: string } }>(body)) {
      const name = Actor.ID.slice(0, 12);
      if (Action === comes) void watch(name);
      else if (Action === goes) {
        watched.get(name)?.stop();
        watched.delete(name);
      }
    }
  })().catch(() => undefined);
}

/** Draws a picture twice a second until `ended`, the output is closed, or the user has enough. */
async function show(cli: Cli, picture: () => string, ended: () => boolean): Promise<void> {
  for (;;) {
    if (ended()) return;
    const text = picture();
    cli.out.print(
      cli.stdoutIsTerminal ? `\x1b[H${text.replaceAll('\n', '\x1b[K\n')}\x1b[J` : `\x1b[2J\x1b[H${text}`,
    );
    if (cli.out.closed) return;
    await new Promise((resolve) => setTimeout(resolve, pictureEvery));
  }
}
