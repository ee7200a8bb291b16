import { invalidParameter } from '../../../base/errors.ts';
import { isTrue } from '../attributes.ts';
import { type RuleName, rules } from './lint/rules.ts';

/** The checks that are made, and whether a finding is an error: `# check=skip=...;error=true` or a build argument. */
export interface CheckOptions {
  error: boolean;
  wants(rule: RuleName): boolean;
}

const names = (value: string) => new Set(value.split(',').map((name) => name.trim()));

/** Reads `skip=A,B;experimental=all;error=true`. @throws invalid-parameter for another form. */
export function parseCheckOptions(text: string): CheckOptions {
  let skipped = new Set<string>();
  let experimental = new Set<string>();
  let error = false;
  for (const part of text.trim() === '' ? [] : text.split(';')) {
    const equals = part.indexOf('=');
    if (equals < 0) throw invalidParameter(`invalid check option ${JSON.stringify(part)}`);
    const name = part.slice(0, equals).trim();
    const value = part.slice(equals + 1).trim();
    if (name === 'skip') skipped = names(value);
    else if (name === 'experimental') experimental = names(value);
    else if (name === 'error') {
      if (!/^(1|t|true|0|f|false)$/i.test(value))
        throw invalidParameter(`failed to parse check option ${JSON.stringify(part)}: it is no boolean`);
      error = isTrue(value);
    } else throw invalidParameter(`invalid check option ${JSON.stringify(name)}`);
  }
  return {
    error,
    wants: (rule) =>
      rules[rule].experimental
        ? experimental.has('all') || experimental.has(rule)
        : !skipped.has('all') && !skipped.has(rule),
  };
}
