import { statusLater } from './age.ts';

test.each([
  ['Up 6 seconds', 70, 'Up About a minute'],
  ['Up Less than a second (healthy)', 5, 'Up 5 seconds (healthy)'],
  ['Up About an hour (Paused)', 3 * 3600, 'Up 4 hours (Paused)'],
  ['Exited (137) 2 hours ago', 47 * 3600, 'Exited (137) 2 days ago'],
  ['Restarting (1) 1 second ago', 1, 'Restarting (1) 2 seconds ago'],
  ['Up 3 weeks', 60, 'Up 3 weeks'],
  ['Up 6 seconds', 0.5, 'Up 6 seconds'],
  ['Created', 100, 'Created'],
  ['Removal In Progress', 100, 'Removal In Progress'],
  ['Up since ever', 100, 'Up since ever'],
])('%s, %d seconds later', (status, later, told) => {
  expect(statusLater(status, later)).toBe(told);
});
