import { existsSync } from 'node:fs';
import { CliError, messageOf } from '../../base/errors.ts';
import { string } from '../../base/flags.ts';
import type { Cli } from '../../cli/cli.ts';
import { command, noArgs } from '../../cli/command.ts';
import { clientVersion } from '../../cli/version.ts';
import { alignColumns } from '../../format/table.ts';
import { diskSpace, type Finding, machineFindings } from '../../shared/checks.ts';

/** The findings about the daemon. */
async function daemonFindings(cli: Cli): Promise<Finding[]> {
  const findings: Finding[] = [];
  try {
    const api = await cli.api();
    const { host, scheme, address } = api.endpoint;
    if (scheme === 'unix' && !existsSync(address))
      return [
        {
          check: 'daemon',
          outcome: 'fail',
          found: `nothing listens at ${host}`,
          advice: 'Start it with "berthd", or name another with -H or BERTH_HOST',
        },
      ];
    const begun = performance.now();
    const { Platform } = await api.json<'SystemVersion'>('GET', '/version');
    const took = Math.max(1, Math.round(performance.now() - begun));
    const info = await api.json<'SystemInfo'>('GET', '/info');
    const name = Platform?.Name || 'a daemon';
    findings.push({
      check: 'daemon',
      outcome: 'ok',
      found: `${name} ${info.ServerVersion} at ${host}, answered in ${took} ms`,
    });
    if (name === 'Berth' && info.ServerVersion !== clientVersion)
      findings.push({
        check: 'versions',
        outcome: 'note',
        found: `the client is ${clientVersion}, the daemon ${info.ServerVersion}`,
        advice: 'Start the daemon again after an upgrade; containers keep running meanwhile',
      });
    findings.push({ check: 'storage', outcome: 'ok', found: info.Driver });
    if (scheme === 'unix') findings.push(diskSpace(info.DockerRootDir));
    for (const warning of info.Warnings ?? [])
      findings.push({ check: 'daemon', outcome: 'note', found: warning.replace(/^WARNING: /, '') });
  } catch (error) {
    findings.push({ check: 'daemon', outcome: 'fail', found: messageOf(error) });
  }
  return findings;
}

const marks = { ok: 'ok', note: 'note', fail: 'FAIL' };

export default command({
  use: '[OPTIONS]',
  about: 'Check this machine and explain what is missing',
  more: 'Ends with 1 when something is missing without which containers cannot run.',
  args: noArgs,
  flags: { format: string('f', '"json" or a Go template, for each finding') },
  async run({ cli, flags }) {
    const { scheme } = await cli.endpoint();
    // Another machine's kernel cannot be seen from here.
    const findings = [...(scheme === 'unix' ? machineFindings() : []), ...(await daemonFindings(cli))];
    if (flags.format) {
      const { GoTemplate } = await import('@berth/templates/exec.ts');
      try {
        const template = new GoTemplate(flags.format === 'json' ? '{{json .}}' : flags.format);
        for (const one of findings) cli.print(`${template.execute(one)}\n`);
      } catch (error) {
        throw new CliError(`template parsing error: ${messageOf(error)}`, 64);
      }
    } else {
      const lines = findings.flatMap(({ check, outcome, found, advice }) => [
        `${marks[outcome]}\t${check}\t${found}\n`,
        ...(advice ? [`\t\t${advice}\n`] : []),
      ]);
      cli.print(alignColumns(lines.join(''), 6, 2));
      const failed = findings.filter(({ outcome }) => outcome === 'fail').length;
      cli.print(
        failed ? `\n${failed} of ${findings.length} checks failed.\n` : '\nContainers can run here.\n',
      );
    }
    if (findings.some(({ outcome }) => outcome === 'fail')) throw new CliError('');
  },
});
