import type { Outline, Targets } from './describe.ts';
import type { Warning } from './lint/findings.ts';

/* The answers to requests beside a build, as the metadata that BuildKit's clients print. */

export type Answer = Record<string, string>;

const answer = (value: unknown, text: string): Answer => ({
  'result.json': JSON.stringify(value, null, 2),
  'result.txt': text,
  version: '1.0.0',
});

/** Columns as wide as their widest cell and `gap` blanks. */
function columns(rows: readonly string[][], gap: number): string {
  const widths: number[] = [];
  for (const row of rows)
    for (const [index, cell] of row.slice(0, -1).entries())
      widths[index] = Math.max(widths[index] ?? 0, cell.length + gap);
  return rows
    .map(
      (row) =>
        `${row.map((cell, index) => (index === row.length - 1 ? cell : cell.padEnd(widths[index]!))).join('')}\n`,
    )
    .join('');
}

/** The answer to `targets`: the stages that can be built, as JSON and as a table. */
export function targetsAnswer(targets: Targets): Answer {
  const shown = targets.targets.map(({ name = '', description = '', default: byDefault }) => [
    byDefault ? (name === '' ? '(default)' : `${name} (default)`) : name,
    description,
  ]);
  return answer(targets, columns([['TARGET', 'DESCRIPTION'], ...shown], 1));
}

/** The answer to `outline`: the parameters of a stage, as JSON and as tables. */
export function outlineAnswer(outline: Outline): Answer {
  let text = '';
  if (outline.name || outline.description) {
    const rows = [['TARGET:', outline.name || '(default)']];
    if (outline.description) rows.push(['DESCRIPTION:', outline.description]);
    text += `${columns(rows, 1)}\n`;
  }
  if (outline.args)
    text += `${columns(
      [
        ['BUILD ARG', 'VALUE', 'DESCRIPTION'],
        ...outline.args.map(({ name, value = '', description = '' }) => [name, value, description]),
      ],
      3,
    )}\n`;
  for (const [title, list] of [
    ['SECRET', outline.secrets],
    ['SSH', outline.ssh],
  ] as const)
    if (list)
      text += `${columns(
        [[title, 'REQUIRED'], ...list.map(({ name, required }) => [name, required ? 'true' : ''])],
        3,
      )}\n`;
  return answer(outline, text);
}

export interface LintResult {
  warnings: Warning[];
  sources: Array<{ filename: string; language: string; data: string }>;
  buildError?: { message: string; location: object };
}

/**
 * The answer to `lint`: the warnings as JSON, and as text by line, each with its part of `source`, the Dockerfile.
 * The status code is 1 when there are any, for clients to exit with.
 */
export function lintAnswer(result: LintResult, source: string): Answer {
  const line = (warning: Warning) => warning.location.ranges[0]!.start.line;
  const text = [...result.warnings]
    .sort((a, b) => line(a) - line(b))
    .map(
      (warning) =>
        `\nWARNING: ${warning.ruleName}${warning.url ? ` - ${warning.url}` : ''}\n${warning.detail}\n${quoted(result.sources[0]!.filename, source, warning)}`,
    )
    .join('');
  const status = result.warnings.length > 0 || result.buildError ? '1' : '0';
  return { ...answer(result, text), 'result.statuscode': status };
}

/** The lines of the Dockerfile around a warning, the ones that it is about marked. */
function quoted(filename: string, source: string, { location }: Warning): string {
  const { start, end } = location.ranges[0]!;
  const lines = source.split('\n');
  const out = [`${filename}:${start.line}`, '-'.repeat(20)];
  let from = Math.max(1, start.line);
  let to = Math.min(lines.length, end.line);
  // About as many lines around it as BuildKit's clients show of an error's.
  for (let padding = to === from ? 4 : 2; padding > 0; padding--) {
    if (from > 1) [from, padding] = [from - 1, padding - 1];
    if (to < lines.length) [to, padding] = [to + 1, padding - 1];
  }
  for (let number = from; number <= to; number++) {
    const marked = number >= start.line && number <= end.line ? '>>>' : '   ';
    out.push(` ${String(number).padStart(3)} | ${marked} ${lines[number - 1]}`);
  }
  return `${[...out, '-'.repeat(20)].join('\n')}\n`;
}

const named = (...names: string[]) => names.map((name) => ({ name, description: '' }));

const request = (
  name: string,
  description: string,
  { opts = [] as object[], metadata = named('result.json', 'result.txt') } = {},
) => ({ name, version: '1.0.0', type: 'rpc', description, opts, inputs: null, metadata, refs: null });

const REQUESTS = [
  request('frontend.outline', 'List all parameters current build target supports', {
    opts: [{ name: 'target', description: 'Target build stage' }],
  }),
  request('frontend.targets', 'List all targets current build supports'),
  request('frontend.lint', 'Lint a Dockerfile', {
    metadata: named('result.json', 'result.txt', 'result.statuscode'),
  }),
  request('frontend.subrequests.describe', 'List available subrequest types'),
];

/** The answer that lists all requests. */
export function describeAnswer(): Answer {
  const rows = REQUESTS.map(({ name, version, description }) => [
    name.replace(/^frontend\./, ''),
    version,
    description,
  ]);
  return answer(REQUESTS, columns([['NAME', 'VERSION', 'DESCRIPTION'], ...rows], 1));
}
