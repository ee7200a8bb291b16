import { jsonProblem, parseJson } from './go-json.ts';

const MB = 1 << 20;

function problemOf(text: string) {
  try {
    parseJson(text);
  } catch (error) {
    return jsonProblem(text, error);
  }
  throw new Error('it is JSON');
}

const keys = `{${Array.from({ length: 700_000 }, (_, index) => `"${index.toString(36)}":0`).join(',')}}`;

test.each([
  ['lists', `[${'[],'.repeat(2 * MB)}0]`, 'exceeded max number of values (50000)'],
  ['objects', `[${'{},'.repeat(2 * MB)}0]`, 'exceeded max number of values (50000)'],
  ['numbers', `[${'0,'.repeat(4 * MB)}0]`, 'exceeded max number of values (50000)'],
  ['members', keys, 'exceeded max number of values (50000)'],
  ['levels', '['.repeat(8 * MB), 'exceeded max depth'],
  ['a text without an end', `"${'\\"'.repeat(4 * MB)}`, 'the text is not JSON'],
  ['backslashes', `"${'\\'.repeat(8 * MB)}`, 'the text is not JSON'],
  ['blanks', ' '.repeat(8 * MB), 'the text is not JSON'],
])('%s without measure are refused within a moment', (_, text, told) => {
  // A text that was put together becomes one when it is first read.
  text.charCodeAt(0);
  const began = process.cpuUsage();
  const { message } = problemOf(text);
  expect(process.cpuUsage(began).user).toBeLessThan(100_000); // microseconds
  expect(message).toBe(told);
});

test('long texts, quotes and commas in them are no values', () => {
  const value = { 'a,[{': `${'\\",[{'.repeat(100_000)}\\`, b: ['"', '\\', '\\\\"'] };
  expect(parseJson(JSON.stringify(value))).toEqual(value);
  expect(parseJson(JSON.stringify(Array(40_000).fill('')))).toHaveLength(40_000);
});

test('what is wrong with a text is told in the words of Go', () => {
  expect(jsonProblem('{"a":}')).toEqual({
    kind: 'syntax',
    message: "invalid character '}' looking for beginning of value",
  });
  expect(jsonProblem('{"a":1')).toEqual({ kind: 'eof', message: 'unexpected EOF' });
  expect(jsonProblem('{} {}')).toMatchObject({ kind: 'trailing' });
});
