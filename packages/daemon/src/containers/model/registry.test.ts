import type { Container } from './container.ts';
import { Registry } from './registry.ts';

const IDS = ['0a11', '0a12', '0b00', 'ffff'];

test('the beginning of one id means it; of several, of none and of no id nothing', () => {
  const registry = new Registry();
  for (const id of IDS) registry.add({ id, record: { name: `n${id}` } } as Container);
  const meant = (...prefixes: string[]) => [...registry.meantIds(prefixes)].sort();
  expect(meant('0a11', '0a12')).toEqual(['0a11', '0a12']);
  expect(meant('0b', 'f')).toEqual(['0b00', 'ffff']);
  expect(meant('0a', '0a1', '0', '1', 'fffff', '0a115', '')).toEqual([]);
  expect(meant('0B', 'n0b00', '0b0.', '^0b')).toEqual([]);
});
