import { isRawNumber, parseJson } from '@berth/templates/value.ts';
import { CliError, messageOf } from '../../base/errors.ts';
import { filter, string } from '../../base/flags.ts';
import { command, noArgs } from '../../cli/command.ts';
import { rfc3339 } from '../../format/time.ts';
import { timestamp } from '../../parse/timestamp.ts';
import { filtersQuery } from '../../shared/filters.ts';
import { jsonTexts } from '../../transport/body.ts';

interface EventMessage {
  Type: string;
  Action: string;
  Actor?: { ID?: string; Attributes?: Record<string, string> | null };
  time?: number;
  timeNano?: unknown;
}

/** Nanoseconds of a time since 1970, which may be more than a number holds exactly. */
function nanoseconds(value: unknown): bigint {
  if (isRawNumber(value)) return BigInt(value.rawJSON);
  return typeof value === 'number' ? BigInt(value) : 0n;
}

/** One line for an event: when, what kind, what happened, to whom, and its attributes. */
export function eventLine(event: EventMessage): string {
  let nano = nanoseconds(event.timeNano);
  if (nano === 0n && event.time) nano = BigInt(event.time) * 1_000_000_000n;
  const when = nano === 0n ? '' : `${rfc3339(Number(nano / 1_000_000_000n), Number(nano % 1_000_000_000n))} `;
  const attributes = Object.entries(event.Actor?.Attributes ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`);
  return `${when}${event.Type} ${event.Action} ${event.Actor?.ID ?? ''}${attributes.length ? ` (${attributes.join(', ')})` : ''}\n`;
}

/** Makes the function that shows an event in a format. Throws CliError (exit code 64) when it is no template. */
async function shower(format: string): Promise<(event: unknown) => string> {
  if (format === '') return (event) => eventLine(event as EventMessage);
  const [{ GoTemplate }, { asGoPointer }] = await Promise.all([
    import('@berth/templates/exec.ts'),
    import('../../format/go-types.ts'),
  ]);
  try {
    const template = new GoTemplate(format === 'json' ? '{{json .}}' : format);
    const show = (event: unknown): string => `${template.execute(asGoPointer('events.Message', event))}\n`;
    show({});
    return show;
  } catch (error) {
    throw new CliError(`Error parsing format: ${messageOf(error)}`, 64);
  }
}

export default command({
  use: '[OPTIONS]',
  about: 'Show what happens in the daemon, as it happens',
  aliases: ['berth system events', 'berth events'],
  args: noArgs,
  flags: {
    filter: filter('f', 'Show only some events, such as "type=container" or "event=start"'),
    format: string('', 'Format of each: "json" or a Go template'),
    since: string('', 'Show first what happened from this time on, or from so long ago ("42m")'),
    until: string('', 'Stop at this time'),
  },
  async run({ cli, flags }) {
    const show = await shower(flags.format);
    const time = (value: string): string | undefined => {
      try {
        return value === '' ? undefined : timestamp(value);
      } catch (error) {
        throw new CliError(messageOf(error));
      }
    };
    const query = {
      since: time(flags.since),
      until: time(flags.until),
      filters: filtersQuery(flags.filter),
    };
    const api = await cli.api();
    const { body } = await api.call<'SystemEvents'>('GET', '/events', { query });
    for await (const text of jsonTexts(body)) cli.print(show(parseJson(text)));
  },
});
