import { GoTemplate } from '@berth/templates/exec.ts';
import { parseJson } from '@berth/templates/value.ts';
import { asGo } from './go-types.ts';

const shown = (source: string, value: unknown): string => new GoTemplate(source).execute(value);

test.each([
  ['{{.A}} {{.B.C}}', { A: 1, B: { C: 'x' } }, '1 x'],
  ['{{range $i, $v := .L}}{{if $i}}, {{end}}{{$v}}{{else}}none{{end}}', { L: ['a', 'b'] }, 'a, b'],
  ['{{range .L}}{{.}}{{else}}none{{end}}', { L: [] }, 'none'],
  ['{{range $k, $v := .}}{{$k}}={{$v}};{{end}}', { b: 2, a: 1 }, 'a=1;b=2;'],
  ['{{with .X}}{{.}}{{else}}-{{end}}', { X: '' }, '-'],
  ['{{if and (eq .A 1) (ne .B "x")}}yes{{else if .B}}no{{end}}', { A: 1, B: 'x' }, 'no'],
  ['{{json .}}', { a: [1, '<&>'], b: null }, '{"a":[1,"<&>"],"b":null}'],
  ['{{printf "%-5s|%03d|%q|%.1f" .S .N .S .F}}', { S: 'ab', N: 7, F: 1.25 }, 'ab   |007|"ab"|1.2'],
  ['{{join (split .S ",") "-"}} {{upper .S}} {{title .S}}', { S: 'a,b' }, 'a-b A,B A,B'],
  ['{{index .M "k"}} {{index .L 1}} {{len .L}}', { M: { k: 'v' }, L: [1, 2] }, 'v 2 2'],
  ['{{- "x" -}}  {{/* no */}} y', {}, 'x y'],
  ['{{define "t"}}<{{.}}>{{end}}{{template "t" .A}}', { A: 'a' }, '<a>'],
  ['{{$x := 1}}{{range .L}}{{$x = .}}{{end}}{{$x}}', { L: [5, 6] }, '6'],
  ['{{.Missing}}', {}, '<no value>'],
  ['{{.M}} {{.L}}', { M: { b: 1, a: 'x' }, L: [1, 'y'] }, 'map[a:x b:1] [1 y]'],
])('%s', (source, value, expected) => {
  expect(shown(source, value)).toBe(expected);
});

test('integers beyond 2^53 keep their digits', () => {
  expect(shown('{{.n}} {{json .}}', parseJson('{"n":9223372036854775807}'))).toBe(
    '9223372036854775807 {"n":9223372036854775807}',
  );
});

test.each([
  ['{{.Foo', 'template: :1: unclosed action'],
  ['{{foo}}', 'template: :1: function "foo" not defined'],
  ['{{if}}{{end}}', 'template: :1: missing value for if'],
  ['{{end}}', 'template: :1: unexpected {{end}}'],
])('%s is no template', (source, message) => {
  expect(() => new GoTemplate(source)).toThrow(message);
});

test('members of a Go type that the daemon left out are zero, others are an error', () => {
  const container = asGo('types.ContainerJSON', { State: { Running: true } });
  expect(shown('{{.State.Running}} {{.State.Pid}} {{.RestartCount}}|{{.Name}}|', container)).toBe(
    'true 0 0||',
  );
  expect(() => shown('{{.State.Foo}}', container)).toThrow(
    'template: :1:8: executing "" at <.State.Foo>: can\'t evaluate field Foo in type *types.ContainerState',
  );
});
