import type { CheckOptions } from '../options.ts';
import { pageOf, type RuleName, rules } from './rules.ts';

/** A place in the Dockerfile, as BuildKit's clients read it. */
export interface SourceLocation {
  ranges: Array<{ start: { line: number }; end: { line: number } }>;
}

export interface Warning {
  ruleName: string;
  description: string;
  url?: string;
  detail: string;
  location: SourceLocation;
}

/** The place of an instruction: its lines, counted from 1. */
export const locationOf = ({ line, endLine }: { line: number; endLine: number }): SourceLocation => ({
  ranges: [{ start: { line }, end: { line: endLine } }],
});

/** The findings of the checks in one Dockerfile. */
export class Findings {
  readonly warnings: Warning[] = [];
  private readonly options: CheckOptions;

  constructor(options: CheckOptions) {
    this.options = options;
  }

  add(rule: RuleName, at: { line: number; endLine: number }, detail: string): void {
    if (!this.options.wants(rule)) return;
    const url = pageOf(rule);
    this.warnings.push({
      ruleName: rule,
      description: rules[rule].description,
      ...(url && { url }),
      detail,
      location: locationOf(at),
    });
  }

  /** The message of a build that takes findings for errors; undefined without any. */
  get failure(): string | undefined {
    if (!this.options.error || this.warnings.length === 0) return undefined;
    const found = [...new Set(this.warnings.map(({ ruleName }) => ruleName))].sort();
    return `lint violation found for rules: ${found.join(', ')}`;
  }
}

/** The name that an argument of ARG declares. */
export const nameOf = (argument: string): string => argument.split('=', 1)[0]!;
