import { splitWords } from './words.ts';

test.each([
  ['', []],
  ['  sh  -c ', ['sh', '-c']],
  [`sh -c 'echo "a  b"; exit 3'`, ['sh', '-c', 'echo "a  b"; exit 3']],
  [`"say \\"hi\\" \\n" '' a\\ b`, ['say "hi" \\n', '', 'a b']],
  [`a"b c"'d'`, ['ab cd']],
])('%s', (line, words) => expect(splitWords(line)).toEqual(words));

test('a quote that is not closed is told', () => {
  expect(() => splitWords(`echo "a`)).toThrow('the quote " is not closed');
});
