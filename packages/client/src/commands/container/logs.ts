import { CliError, messageOf } from '../../base/errors.ts';
import { bool, string } from '../../base/flags.ts';
import { command, exactly } from '../../cli/command.ts';
import { timestamp } from '../../parse/timestamp.ts';
import { writer } from '../../terminal/demux.ts';

/** The time of a flag as the API takes it. */
function time(name: string, value: string): string | undefined {
  if (value === '') return undefined;
  try {
    return timestamp(value);
  } catch (error) {
    throw new CliError(`invalid value for "${name}": ${messageOf(error)}`);
  }
}

export default command({
  use: '[OPTIONS] CONTAINER',
  about: 'Show the output of a container',
  aliases: ['berth container logs', 'berth logs'],
  args: exactly(1),
  flags: {
    details: bool('', 'Show the extra attributes of the log driver'),
    follow: bool('f', 'Go on as the container writes'),
    since: string('', 'From this time on ("2013-01-02T13:23:37Z"), or from so long ago ("42m")'),
    tail: string('n', 'Only so many lines from the end', { initial: 'all' }),
    timestamps: bool('t', 'Show when each line was written'),
    until: string('', 'Up to this time ("2013-01-02T13:23:37Z"), or to so long ago ("42m")'),
  },
  async run({ cli, flags, args }) {
    const query = {
      details: flags.details || undefined,
      follow: flags.follow || undefined,
      since: time('since', flags.since),
      stderr: true,
      stdout: true,
      tail: flags.tail,
      timestamps: flags.timestamps || undefined,
      until: time('until', flags.until),
    };
    const api = await cli.api();
    const answer = await api.call<'ContainerLogs'>('GET', `/containers/${args[0]}/logs`, { query });
    const type = answer.headers['content-type'] ?? '';
    let multiplexed = type.includes('multiplexed-stream');
    if (!multiplexed && !type.includes('raw-stream')) {
      // A daemon before API 1.42 does not say how it sends.
      const { Config } = await api.json<'ContainerInspect'>('GET', `/containers/${args[0]}/json`);
      multiplexed = !Config.Tty;
    }
    const write = writer({ out: cli.out, err: cli.err }, multiplexed);
    for await (const chunk of answer.body) await write(chunk);
  },
});
