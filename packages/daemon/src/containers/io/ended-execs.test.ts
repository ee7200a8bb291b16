import { EndedExecs } from './ended-execs.ts';

const MINUTE = 60_000;

describe('ended execs', () => {
  test('go five minutes after their end, in the order of their ends', () => {
    const gone: string[] = [];
    const ended = new EndedExecs((id) => gone.push(id));
    ended.add('a', 4, 0);
    ended.add('b', 4, 2 * MINUTE);
    ended.sweep(5 * MINUTE - 1);
    expect(gone).toEqual([]);
    ended.sweep(5 * MINUTE);
    expect(gone).toEqual(['a']);
    ended.sweep(7 * MINUTE);
    expect(gone).toEqual(['a', 'b']);
    expect(ended.size).toBe(0);
  });

  test('are 10,000 at most, the oldest going first', () => {
    const gone: string[] = [];
    const ended = new EndedExecs((id) => gone.push(id));
    for (let index = 0; index < 12_500; index++) ended.add(String(index), 4, index);
    expect(ended.size).toBe(10_000);
    expect(gone).toEqual(Array.from({ length: 2500 }, (_, index) => String(index)));
    ended.sweep(12_500 + 5 * MINUTE);
    expect(gone).toHaveLength(12_500);
  });

  test('have 8 MiB of commands together, but the last one is always there', () => {
    const gone: string[] = [];
    const ended = new EndedExecs((id) => gone.push(id));
    for (let index = 0; index < 100; index++) ended.add(String(index), 1 << 20, index);
    expect(ended.size).toBe(8);
    expect(gone.at(-1)).toBe('91');
    ended.add('big', 100 << 20, 100);
    expect(ended.size).toBe(1);
  });
});
