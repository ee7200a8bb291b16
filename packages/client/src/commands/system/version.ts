import type { CliError } from '../../base/errors.ts';
import { string } from '../../base/flags.ts';
import { command, noArgs } from '../../cli/command.ts';
import { clientVersion } from '../../cli/version.ts';
import { currentContext } from '../../config/resolve.ts';
import { alignColumns } from '../../format/table.ts';
import { goArch } from '../../shared/arch.ts';
import { apiVersion } from '../../transport/api.ts';

interface ServerVersion {
  Platform?: { Name: string };
  Components?: { Name: string; Version: string; Details?: Record<string, string> | null }[] | null;
  Version: string;
  ApiVersion: string;
  MinAPIVersion?: string;
  GitCommit: string;
  GoVersion: string;
  Os: string;
  Arch: string;
  BuildTime?: string;
  Experimental?: boolean;
}

type Lines = readonly (readonly [string, string | undefined])[];

/** The lines that have something to say. */
const rows = (lines: Lines, indent: string): string =>
  lines.flatMap(([name, value]) => (value ? [`${indent}${name}:\t${value}\n`] : [])).join('');

function serverText(server: ServerVersion): string {
  const name = server.Platform?.Name;
  let text = `\nServer:${name ? ` ${name}` : ''}\n`;
  const engine = {
    Name: 'Engine',
    Version: server.Version,
    Details: {
      ApiVersion: server.ApiVersion,
      MinAPIVersion: server.MinAPIVersion ?? '',
      GoVersion: server.GoVersion,
      GitCommit: server.GitCommit,
      BuildTime: server.BuildTime ?? '',
      Os: server.Os,
      Arch: server.Arch,
      Experimental: String(server.Experimental ?? false),
    },
  };
  // Daemons before 18.x list no parts.
  for (const { Name, Version, Details } of server.Components?.length ? server.Components : [engine]) {
    text += ` ${Name}:\n`;
    const details: Record<string, string | undefined> = { ...Details };
    if (Name !== 'Engine') {
      const names = Object.keys(details).sort();
      text += [`  Version:\t${Version}\n`, ...names.map((key) => `  ${key}:\t${details[key]}\n`)].join('');
      continue;
    }
    text += rows(
      [
        ['Version', Version],
        ['API version', `${details['ApiVersion']} (minimum version ${details['MinAPIVersion']})`],
        ['Go version', details['GoVersion']],
        ['Node version', details['NodeVersion']],
        ['Git commit', details['GitCommit']],
        ['Built', details['BuildTime']],
        ['OS/Arch', `${details['Os']}/${details['Arch']}`],
        ['Experimental', details['Experimental']],
      ],
      '  ',
    );
  }
  return text;
}

export default command({
  use: '[OPTIONS]',
  about: 'Show the versions of client and daemon',
  args: noArgs,
  flags: { format: string('f', '"json" or a Go template') },
  async run({ cli, flags }) {
    const show = flags.format
      ? (await import('../../format/one.ts')).oneFormatter('system.versionInfo', flags.format, 'version')
      : undefined;
    const context = currentContext(cli);
    let server: ServerVersion | undefined;
    let failure: CliError | undefined;
    let used = apiVersion;
    try {
      const api = await cli.api();
      server = await api.json<'SystemVersion'>('GET', '/version');
      used = api.version;
    } catch (error) {
      failure = error as CliError;
    }
    const client = {
      Version: clientVersion,
      ApiVersion: used,
      DefaultAPIVersion: apiVersion,
      GitCommit: '',
      GoVersion: '',
      Os: 'linux',
      Arch: goArch(),
      BuildTime: '',
      Context: context,
    };
    if (show)
      try {
        cli.print(show({ Client: client, Server: server ?? null }));
      } catch (error) {
        throw failure ?? error;
      }
    else {
      const downgraded = used === apiVersion ? '' : ` (downgraded from ${apiVersion})`;
      const text = `Client:\n${rows(
        [
          ['Version', client.Version],
          ['API version', used + downgraded],
          ['Node version', process.version],
          ['OS/Arch', `${client.Os}/${client.Arch}`],
          ['Context', context],
        ],
        ' ',
      )}${server ? serverText(server) : ''}`;
      cli.print(alignColumns(text, 20, 1));
    }
    if (failure) throw failure;
  },
});
