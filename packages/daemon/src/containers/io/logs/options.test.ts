import { checkLogConfig, logAttributes, logOptions } from './options.ts';

test('log options as the supervisor gets them', async () => {
  const none = async () => ({});
  expect(await logOptions('json-file', { 'max-size': '1k', 'max-file': '2' }, '/l', none)).toEqual({
    driver: 'json-file',
    path: '/l',
    maxSize: 1000,
    maxFile: 2,
    compress: false,
  });
  expect(await logOptions('local', {}, '/l', none)).toMatchObject({
    maxSize: 20 * 2 ** 20,
    maxFile: 5,
    compress: true,
  });
  for (const [config, why] of [
    [{ 'max-size': 'y' }, "invalid size: 'y'"],
    [{ 'max-file': '0' }, 'max-file cannot be less than 1'],
    [{ compress: 'x' }, 'strconv.ParseBool: parsing "x": invalid syntax'],
    [{ compress: 'true' }, 'compress cannot be true when max-file is less than 2 or max-size is not set'],
  ] as Array<[Record<string, string>, string]>)
    await expect(logOptions('json-file', config, '/l', none)).rejects.toThrow(
      `failed to create task for container: failed to initialize logging driver: ${why}`,
    );
  expect(() => checkLogConfig('syslog', {})).toThrow(/syslog is not supported/);
  checkLogConfig('none', { anything: 'x' });
});

test('log attributes', async () => {
  const container = {
    id: 'a'.repeat(64),
    name: 'web',
    image: 'bb',
    labels: { l: '1', m: '2' },
    env: ['E=3', 'F=4'],
  };
  const config = { labels: 'l', 'env-regex': '^F', tag: '{{.Name}}/{{.ID}}' };
  expect(await logAttributes(config, container)).toEqual({ l: '1', F: '4', tag: `web/${'a'.repeat(12)}` });
});
