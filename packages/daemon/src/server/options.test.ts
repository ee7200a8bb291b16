import { parseCommandLine } from './options.ts';

test('a socket that is named twice is listened on once', () => {
  const { settings } = parseCommandLine(['-H=0.0.0.0:2375', '-H', 'unix:///run/a', '--host=unix:///run/a']);
  expect(settings.hosts).toEqual(['tcp://0.0.0.0:2375', 'unix:///run/a']);
});
