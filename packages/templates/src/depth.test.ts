import { GoTemplate } from './exec.ts';
import { TemplateError } from './lex.ts';

const nested = (depth: number, open: string, close: string) => `${open.repeat(depth)}1${close.repeat(depth)}`;

test.each([
  ['parentheses', `{{${nested(5000, '(', ')')}}}`],
  ['conditions', nested(5000, '{{if 1}}', '{{end}}')],
  ['conditions after else', `{{if 0}}${'{{else if 0}}'.repeat(5000)}{{end}}`],
  ['definitions', nested(5000, '{{define "a"}}', '{{end}}')],
])('thousands of %s in each other are refused by their number', (_, source) => {
  expect(() => new GoTemplate(source)).toThrow(
    new TemplateError('template: :1: it nests more than 200 levels deep'),
  );
});

test('what nests as deep as may be is evaluated', () => {
  expect(new GoTemplate(`{{${nested(200, '(', ')')}}}`).execute({})).toBe('1');
  expect(new GoTemplate(nested(200, '{{if 1}}', '{{end}}')).execute({})).toBe('1');
});

test('a template that calls itself ends, whatever lies between', () => {
  for (const source of [
    `{{define "a"}}${'{{if 1}}'.repeat(150)}{{template "a" .}}${'{{end}}'.repeat(150)}{{end}}{{template "a" .}}`,
    `{{define "a"}}{{range .}}{{template "a" $}}{{end}}{{end}}{{template "a" .}}`,
    `{{define "a"}}{{template "a" ${nested(190, '(', ')')}}}{{end}}{{template "a"}}`,
  ])
    expect(() => new GoTemplate(source).execute([1])).toThrow('exceeded maximum template depth (1000)');
});

test('passes that end early do not count as depth', () => {
  const source =
    '{{range .}}{{if 1}}{{continue}}{{end}}{{end}}{{range .}}{{with 1}}{{break}}{{end}}{{end}}done';
  expect(new GoTemplate(source).execute(Array.from({ length: 3000 }, () => 1))).toBe('done');
});
