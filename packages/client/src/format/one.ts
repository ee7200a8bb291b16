import { GoTemplate } from '@berth/templates/exec.ts';
import { CliError, messageOf } from '../base/errors.ts';
import { asGo } from './go-types.ts';

/**
 * A function that shows one value of a Go type by `json` or a template. Throws CliError (exit code 64) when the text
 * is no template, and CliError when the value has not what the template asks for. `name` is what messages call it.
 */
export function oneFormatter(goType: string, format: string, name = ''): (value: unknown) => string {
  const named = (error: unknown): string =>
    messageOf(error)
      .replace(/^template: :/, `template: ${name}:`)
      .replace(/executing ""/, `executing "${name}"`);
  let template: GoTemplate;
  try {
    template = new GoTemplate(format === 'json' ? '{{json .}}' : format);
  } catch (error) {
    throw new CliError(`template parsing error: ${named(error)}`, 64);
  }
  return (value) => {
    try {
      return `${template.execute(asGo(goType, value))}\n`;
    } catch (error) {
      throw new CliError(named(error));
    }
  };
}
