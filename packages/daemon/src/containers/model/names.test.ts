import { checkName, generateName } from './names.ts';

test('names', () => {
  for (const bad of ['a', '_x', 'b d', '-ab', 'ü2'])
    expect(() => checkName(bad)).toThrow(
      `Invalid container name (${bad}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`,
    );
  checkName('a1');
  const made = new Set<string>();
  for (let count = 0; count < 500; count += 1) {
    const name = generateName((other) => made.has(other));
    checkName(name);
    expect(made.has(name)).toBe(false);
    made.add(name);
  }
});
