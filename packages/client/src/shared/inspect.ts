import { CliError, messageOf } from '../base/errors.ts';
import type { Cli } from '../cli/cli.ts';

/** The object that a name refers to: its Go type and the JSON as the daemon sent it. */
export interface Inspected {
  goType: string;
  json: string;
}

/**
 * Shows the details of things: as an indented JSON array, as one line of it, or by a template for each. Names that
 * cannot be shown are reported after the others.
 */
export async function inspectAll(
  cli: Cli,
  names: readonly string[],
  format: string,
  get: (name: string) => Promise<Inspected>,
): Promise<void> {
  const show = await printer(format);
  const failures: string[] = [];
  const found: Inspected[] = [];
  let text = '';
  for (const name of names)
    try {
      const one = await get(name);
      if (show) text += `${show(one)}\n`;
      else found.push(one);
    } catch (error) {
      if (!(error instanceof CliError)) throw error;
      failures.push(messageOf(error));
    }
  if (show) cli.print(text || '\n');
  else {
    const array = `[${found.map(({ json }) => json.trim()).join(',')}]`;
    const { compactJson, indentJson } = await import('../format/json.ts');
    cli.print(`${format === 'json' ? compactJson(array) : indentJson(array)}\n`);
  }
  if (failures.length) throw new CliError(failures.join('\n'));
}

async function printer(format: string): Promise<((one: Inspected) => string) | undefined> {
  if (format === '' || format === 'json') return undefined;
  const [{ GoTemplate }, { asGo }, { parseJson }] = await Promise.all([
    import('@berth/templates/exec.ts'),
    import('../format/go-types.ts'),
    import('@berth/templates/value.ts'),
  ]);
  let template: InstanceType<typeof GoTemplate>;
  try {
    template = new GoTemplate(format);
  } catch (error) {
    throw new CliError(`template parsing error: ${messageOf(error)}`, 64);
  }
  return ({ goType, json }) => {
    const value = parseJson(json);
    try {
      return template.execute(asGo(goType, value));
    } catch {
      // Not a member of Docker's type: perhaps one of the JSON.
      try {
        return template.execute(value, 'error');
      } catch (error) {
        throw new CliError(`template parsing error: ${messageOf(error)}`);
      }
    }
  };
}
