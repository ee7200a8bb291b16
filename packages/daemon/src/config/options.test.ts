import { parseCommandLine } from './options.ts';

test('a socket that is named twice is listened on once', () => {
  const { settings } = parseCommandLine(['-H=0.0.0.0:2375', '-H', 'unix:///run/a', '--host=unix:///run/a']);
  expect(settings.hosts).toEqual(['tcp://0.0.0.0:2375', 'unix:///run/a']);
});

test('options of new networks are told by driver', () => {
  const flag = '--default-network-opt';
  const { settings } = parseCommandLine([flag, 'bridge=a=1=2', `${flag}=bridge=b=`, flag, 'macvlan=c=d']);
  expect(settings.defaultNetworkOpts).toEqual({ bridge: { a: '1=2', b: '' }, macvlan: { c: 'd' } });
  expect(() => parseCommandLine([flag, 'bridge'])).toThrow('bridge is not of the form name=key=value');
});
