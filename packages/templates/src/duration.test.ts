import { humanDuration } from './duration.ts';

const HOUR = 3600;
const DAY = 24 * HOUR;

test.each([
  [-5, 'Less than a second'],
  [0.999999999, 'Less than a second'],
  [1, '1 second'],
  [59.999, '59 seconds'],
  [60, 'About a minute'],
  [119, 'About a minute'],
  [120, '2 minutes'],
  [HOUR - 1, '59 minutes'],
  [HOUR, 'About an hour'],
  [1.5 * HOUR, '2 hours'],
  [47 * HOUR, '47 hours'],
  [48 * HOUR, '2 days'],
  [14 * DAY, '2 weeks'],
  [20 * DAY, '2 weeks'],
  [60 * DAY, '2 months'],
  [400 * DAY, '13 months'],
  [730 * DAY, '2 years'],
])('%d seconds are "%s"', (seconds, text) => {
  expect(humanDuration(seconds)).toBe(text);
});
