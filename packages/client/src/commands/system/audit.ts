import type { ResponseOf } from '@berth/api-spec';
import { CliError } from '../../base/errors.ts';
import { bool, string } from '../../base/flags.ts';
import { atMost, command } from '../../cli/command.ts';
import { type Api, ApiError } from '../../transport/api.ts';

type Report = ResponseOf<'AuditHost'>;

const GRADES = ['high', 'medium', 'low', 'info'] as const;

/** The kinds of things that have a name, and where the API has them. */
const KINDS = { container: 'containers', image: 'images', network: 'networks' };

export default command({
  use: '[OPTIONS] [CONTAINER|IMAGE|NETWORK]',
  about: 'Show what isolates containers, images, networks and the host, and what does not',
  more: `Without an argument the host and all containers are looked at. With --fail-on it ends with 1 when something of that
grade (high, medium, low, info) or a higher one is found.`,
  args: atMost(1),
  flags: {
    'fail-on': string('', 'End with 1 for findings of this grade or a higher one', { shown: 'grade' }),
    format: string('f', 'Format of the output: "text", "json", "sarif" or a Go template for each report'),
    host: bool('', 'Look at the host'),
    json: bool('', 'The same as --format json'),
    type: string('', 'Only a thing of this kind: container, image, network'),
  },
  async run({ cli, flags, args }) {
    const limit = flags['fail-on'];
    const worst = (GRADES as readonly string[]).indexOf(limit);
    if (limit && worst === -1)
      throw new CliError(`"${limit}" is not a valid value for --fail-on: ${GRADES.join(', ')}`);
    if (flags.type && !Object.hasOwn(KINDS, flags.type))
      throw new CliError(`"${flags.type}" is not a valid value for --type`);
    if (flags.host && args[0]) throw new CliError('--host goes without an argument');
    const api = await cli.api();
    const reports: Report[] = [];
    if (args[0]) reports.push(await find(api, args[0], flags.type));
    else {
      reports.push(await api.json<'AuditHost'>('GET', '/berth/audit/host'));
      if (!flags.host) reports.push(...(await containers(api)));
    }
    const { auditSarif, auditText } = await import('../../explain/audit.ts');
    const format = flags.json ? 'json' : flags.format || 'text';
    if (format === 'text') cli.print(reports.map(auditText).join('\n'));
    else if (format === 'json')
      cli.print(`${JSON.stringify(args[0] || flags.host ? reports[0] : reports, null, 4)}\n`);
    else if (format === 'sarif') cli.print(`${JSON.stringify(auditSarif(reports), null, 2)}\n`);
    else {
      const { inspectAll } = await import('../../shared/inspect.ts');
      const names = reports.map((_, index) => String(index));
      await inspectAll(cli, names, format, async (index) => ({
        goType: 'berth.AuditReport',
        json: JSON.stringify(reports[Number(index)]),
      }));
    }
    const failed = reports
      .flatMap(({ Findings }) => Findings)
      .filter(({ Grade }) => limit && GRADES.indexOf(Grade) <= worst).length;
    if (failed > 0) throw new CliError(`${failed} findings of grade ${limit} or higher`);
  },
});

async function containers(api: Api): Promise<Report[]> {
  const listed = await api.json<'ContainerList'>('GET', '/containers/json', { query: { all: true } });
  const reports: Report[] = [];
  for (const { Id } of listed)
    try {
      reports.push(await api.json<'AuditContainer'>('GET', `/berth/audit/containers/${Id}`));
    } catch (error) {
      // One that was removed meanwhile.
      if (!(error instanceof ApiError) || error.status !== 404) throw error;
    }
  return reports;
}

/** The first thing of that name: a container, an image or a network, as far as none of them is asked for alone. */
async function find(api: Api, name: string, type: string): Promise<Report> {
  const kinds = Object.entries(KINDS).filter(([kind]) => !type || kind === type);
  let missing: unknown;
  for (const [, path] of kinds)
    try {
      return await api.json<'AuditContainer'>(
        'GET',
        `/berth/audit/${path}/${encodeURIComponent(name)}` as '/berth/audit/containers/{id}',
      );
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 404) throw error;
      missing = error;
    }
  if (type) throw missing;
  throw new CliError(`Error: No such container, image or network: ${name}`);
}
