import { keptBytes } from './kept-bytes.ts';

test('as much of the cache stays as its bounds allow', () => {
  expect(keptBytes({ keepStorage: 0 }, 100, 50)).toBe(0);
  expect(keptBytes({ keepStorage: 30 }, 100, 50)).toBe(30);
  expect(keptBytes({ keepStorage: 0, maxUsed: 40 }, 100, 50)).toBe(40);
  expect(keptBytes({ keepStorage: 60, maxUsed: 40 }, 100, 50)).toBe(60);
  // Enough is free: nothing goes.
  expect(keptBytes({ keepStorage: 0, minFree: 50 }, 100, 50)).toBe(100);
  expect(keptBytes({ keepStorage: 0, minFree: 80 }, 100, 50)).toBe(70);
  expect(keptBytes({ keepStorage: 0, maxUsed: 90, minFree: 80 }, 100, 50)).toBe(70);
  expect(keptBytes({ keepStorage: 0, minFree: 500 }, 100, 50)).toBe(0);
});
