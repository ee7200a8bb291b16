import fc from 'fast-check';
import { parseDuration } from './durations.ts';
import { jsonProblem, parseJson } from './go-json.ts';
import { parseSize } from './sizes.ts';

const from = (units: string[], maxLength: number) =>
  fc.string({ unit: fc.constantFrom(...units), maxLength });

/** Go's time.ParseDuration, character by character. */
function goDuration(text: string): bigint | undefined {
  let at = 0;
  const digits = () => {
    let out = '';
    while (/\d/.test(text[at] ?? '')) out += text[at++];
    return out;
  };
  const negative = text[0] === '-';
  if (text[0] === '-' || text[0] === '+') at++;
  if (text.slice(at) === '0') return 0n;
  if (at === text.length) return undefined;
  let total = 0n;
  while (at < text.length) {
    const whole = digits();
    let fraction = '';
    if (text[at] === '.') {
      at++;
      fraction = digits();
    }
    if (whole === '' && fraction === '') return undefined;
    let unit = '';
    while (at < text.length && !/[\d.]/.test(text[at]!)) unit += text[at++];
    const scale = { ns: 1, us: 1e3, '\u00b5s': 1e3, '\u03bcs': 1e3, ms: 1e6, s: 1e9, m: 6e10, h: 3.6e12 }[
      unit
    ];
    if (scale === undefined) return undefined;
    total += (BigInt(`${whole}${fraction}`) * BigInt(scale)) / 10n ** BigInt(fraction.length);
  }
  if (total >= 2n ** 63n + (negative ? 1n : 0n)) return undefined;
  return negative ? -total : total;
}

test("durations are read as Go's time.ParseDuration does", () => {
  const units = ['1', '0', '9', '.', 'ns', 'us', '\u00b5s', '\u03bcs', 'ms', 's', 'm', 'h', '-', '+', ' '];
  fc.assert(
    fc.property(from(units, 12), (text) => expect(parseDuration(text)).toBe(goDuration(text))),
    { numRuns: 2000, examples: [['.5s'], ['1.s'], ['.s'], [''], ['-'], ['9999999h'], ['1\u03bcs']] },
  );
});

test('sizes are digits, perhaps with a fraction, and a power of 1024', () => {
  const powers: Array<[string, number]> = [
    ['', 0],
    ['k', 1],
    ['M', 2],
    ['g', 3],
    ['T', 4],
    ['p', 5],
  ];
  const ends = fc.constantFrom('', 'b', 'B', 'iB', 'ib');
  const number = fc.tuple(fc.nat(9999), fc.constantFrom('', '.5', '.25', '.0'));
  fc.assert(
    fc.property(number, fc.constantFrom(...powers), ends, ([whole, fraction], [unit, power], end) => {
      const bytes = Math.floor(Number(`${whole}${fraction}`) * 1024 ** power);
      expect(parseSize(`${whole}${fraction}${unit}${end}`)).toBe(bytes < 2 ** 63 ? bytes : undefined);
    }),
    { numRuns: 500 },
  );
});

test('no text takes long, and none is a number that Go cannot hold', () => {
  const before = process.cpuUsage();
  for (const unit of ['1', '1.', '.1', '1s', '1h1', ' ', '1k', '1.1.'])
    for (const text of [unit.repeat(10_000), `${unit.repeat(10_000)}x`]) {
      expect(parseDuration(text)).toBeUndefined();
      expect(parseSize(text) ?? 0).toBeLessThan(2 ** 63);
    }
  expect(process.cpuUsage(before).user / 1000).toBeLessThan(300);
});

test('JSON of others has a bounded depth, whatever quotes stand in it', () => {
  const nested = (depth: number) => `${'['.repeat(depth)}"[\\"["${']'.repeat(depth)}`;
  expect(() => parseJson(nested(500))).not.toThrow();
  expect(() => parseJson(nested(501))).toThrow('exceeded max depth');
  expect(() => parseJson('{"a":'.repeat(1_000_000))).toThrow('exceeded max depth');
  const quoted = JSON.stringify({ text: '\\"[['.repeat(1000), end: '\\' });
  expect(parseJson(quoted)).toEqual(JSON.parse(quoted));
});

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
])('JSON: %s without measure are refused within a moment', (_, text, told) => {
  // A text that was put together becomes one when it is first read.
  text.charCodeAt(0);
  const began = process.cpuUsage();
  const { message } = problemOf(text);
  expect(process.cpuUsage(began).user).toBeLessThan(100_000); // microseconds
  expect(message).toBe(told);
});

test('JSON: long texts, quotes and commas in them are no values', () => {
  const value = { 'a,[{': `${'\\",[{'.repeat(100_000)}\\`, b: ['"', '\\', '\\\\"'] };
  expect(parseJson(JSON.stringify(value))).toEqual(value);
  expect(parseJson(JSON.stringify(Array(40_000).fill('')))).toHaveLength(40_000);
});

test('what is wrong with JSON is told in the words of Go', () => {
  expect(jsonProblem('{"a":}')).toEqual({
    kind: 'syntax',
    message: "invalid character '}' looking for beginning of value",
  });
  expect(jsonProblem('{"a":1')).toEqual({ kind: 'eof', message: 'unexpected EOF' });
  expect(jsonProblem('{} {}')).toMatchObject({ kind: 'trailing' });
});
