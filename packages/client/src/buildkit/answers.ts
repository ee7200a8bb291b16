import { CliError } from '../base/errors.ts';
import type { Cli } from '../cli/cli.ts';
import { csvFields } from '../parse/csv.ts';

/** A request about a Dockerfile instead of a build (`--check`, `--call`). */
export interface AskedFor {
  /** The name of the request to the front end. */
  request: string;
  json: boolean;
  ignoreStatus: boolean;
}

/** Reads `--call` and `--check`; undefined for a build. @throws CliError for a format that there is not. */
export function askedFor(flags: { check: boolean; call: string }): AskedFor | undefined {
  const [name = '', ...settings] = csvFields(flags.check ? 'check' : flags.call);
  if (name === '' || name === 'build') return undefined;
  const asked = { request: `frontend.${name === 'check' ? 'lint' : name}`, json: false, ignoreStatus: false };
  for (const setting of settings) {
    if (setting === 'format=json') asked.json = true;
    else if (setting === 'ignorestatus' || setting === 'ignorestatus=true') asked.ignoreStatus = true;
    else if (setting !== 'format=text' && setting !== 'ignorestatus=false')
      throw new CliError(
        `invalid --call setting ${JSON.stringify(setting)}: use format=json or ignorestatus`,
      );
  }
  return asked;
}

/** Prints an answer; checks that found something end with the front end's status. @throws CliError */
export function printAnswer(cli: Cli, asked: AskedFor, answer: Record<string, string>): void {
  const { 'result.json': json = '', 'result.txt': text = '' } = answer;
  if (asked.json) cli.out.print(`${json}\n`);
  else if (asked.request === 'frontend.lint') printChecks(cli, json, text);
  else cli.out.print(text);
  const status = Number(answer['result.statuscode'] ?? 0);
  if (status !== 0 && !asked.ignoreStatus) throw new CliError('', status);
}

function printChecks(cli: Cli, json: string, text: string): void {
  const { warnings, buildError } = JSON.parse(json) as {
    warnings: unknown[];
    buildError?: { message: string };
  };
  if (warnings.length > 0)
    cli.out.print(
      `Check complete, ${warnings.length === 1 ? '1 warning has' : `${warnings.length} warnings have`} been found!\n`,
    );
  cli.out.print(text);
  if (buildError) throw new CliError(buildError.message);
  if (warnings.length === 0) cli.out.print('Check complete, no warnings found.\n');
}
