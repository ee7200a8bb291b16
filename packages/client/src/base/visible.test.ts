import { visible } from './visible.ts';

test('what a terminal would obey is shown', () => {
  expect(visible('a\u001b[31mred\u0007\u009b2J\rb\u0000')).toBe('a\\x1b[31mred\\x07\\x9b2J\\rb\\x00');
  expect(visible('\u202egpj.exe\u202c \u2066a\u2069')).toBe('\\u202egpj.exe\\u202c \\u2066a\\u2069');
  expect(visible('täb\tand\nlines 日本')).toBe('täb\tand\nlines 日本');
});
