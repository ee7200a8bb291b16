import { checkLogConfig, driverNames, keepsCopy } from './check.ts';
import { fileOptions, lineAttributes } from './local.ts';
import { expandTag } from './tags.ts';

const subject = {
  id: 'a'.repeat(64),
  name: 'web',
  imageId: `sha256:${'b'.repeat(64)}`,
  imageName: 'bb',
  created: '2026-01-01T00:00:00Z',
  path: 'sh',
  args: ['-c', 'true'],
  labels: { l: '1', m: '2' },
  env: ['E=3', 'F=4', 'BARE'],
};

test('log options as the supervisor gets them', () => {
  expect(fileOptions('json-file', { 'max-size': '1k', 'max-file': '2' }, '/l')).toEqual({
    driver: 'json-file',
    path: '/l',
    maxSize: 1000,
    maxFile: 2,
    compress: false,
  });
  expect(fileOptions('local', {}, '/l')).toMatchObject({ maxSize: 20 * 2 ** 20, maxFile: 5, compress: true });
  expect(fileOptions('local', { 'cache-max-file': '3', 'max-file': '9' }, '/l', 'cache-').maxFile).toBe(3);
  for (const [config, why] of [
    [{ 'max-size': 'y' }, "invalid size: 'y'"],
    [{ 'max-file': '0' }, 'max-file cannot be less than 1'],
    [{ compress: 'x' }, 'strconv.ParseBool: parsing "x": invalid syntax'],
    [{ compress: 'true' }, 'compress cannot be true when max-file is less than 2 or max-size is not set'],
  ] as Array<[Record<string, string>, string]>)
    expect(() => fileOptions('json-file', config, '/l')).toThrow(
      `failed to create task for container: failed to initialize logging driver: ${why}`,
    );
});

test('log attributes', async () => {
  const config = { labels: 'l', 'env-regex': '^F', tag: '{{.Name}}/{{.ID}}' };
  expect(await lineAttributes(config, subject)).toEqual({ l: '1', F: '4', tag: `web/${'a'.repeat(12)}` });
});

test('tags are templates of Go', async () => {
  const expand = (template: string) => expandTag(template, subject, {}, { F: '4' });
  expect(await expand('plain')).toBe('plain');
  expect(await expand('{{.ImageName}}/{{upper .Name}}/{{(.ExtraAttributes nil).F}}')).toBe('bb/WEB/4');
  expect(await expand('{{.Command}} {{.DaemonName}} {{index .ContainerLabels "m"}}')).toBe(
    'sh -c true docker 2',
  );
  expect(await expand('{{(.ExtraAttributes nil).MISSING}}')).toBe('<no value>');
  await expect(expand('{{.Nope}}')).rejects.toThrow(
    `failed to initialize logging driver: template: log-tag:1:2: executing "log-tag" at <.Nope>: can't evaluate field Nope in type *logger.Info`,
  );
  await expect(expand('{{.Name')).rejects.toThrow('template: log-tag:1: unclosed action');
});

test('a tag that repeats itself without end is refused at once', async () => {
  const doubled = Array.from(
    { length: 40 },
    (_, i) => `{{define "t${i}"}}{{template "t${i + 1}"}}{{template "t${i + 1}"}}{{end}}`,
  );
  const grown = `{{$x := "0123456789"}}${'{{$x = printf "%s%s" $x $x}}'.repeat(60)}`;
  const began = performance.now();
  for (const [template, why] of [
    [`${doubled.join('')}{{define "t40"}}{{end}}{{template "t0"}}`, 'more than 1000 steps'],
    ['{{range 1000000000}}{{end}}', 'more than 1000 steps'],
    [grown, 'more than 16384 characters'],
    ['{{printf "%999999d" 1}}', 'more than 16384 characters'],
    [`{{.Name}}${'x'.repeat(70_000)}`, 'more than 16384 characters'],
  ] as const)
    await expect(expandTag(template, subject, {}, {})).rejects.toThrow(why);
  expect(performance.now() - began).toBeLessThan(1000);
});

test.each<[string, Record<string, string>, string]>([
  ['nope', {}, 'error looking up logging plugin nope: plugin "nope" not found'],
  ['gcplogs', {}, 'logging driver gcplogs is not supported'],
  ['json-file', { x: '1' }, "unknown log opt 'x' for json-file log driver"],
  ['local', { tag: '1' }, "unknown log opt 'tag' for log driver local"],
  ['local', { mode: 'x' }, 'logger: logging mode not supported: x'],
  [
    'local',
    { 'max-buffer-size': '1m' },
    "logger: max-buffer-size option is only supported with 'mode=non-blocking'",
  ],
  ['json-file', { 'cache-disabled': 'x' }, 'invalid value for option cache-disabled: x'],
  ['syslog', { x: '1' }, "unknown log opt 'x' for syslog log driver"],
  ['syslog', { 'syslog-address': 'http://h' }, "unsupported scheme: 'http'"],
  [
    'syslog',
    { 'syslog-address': '127.0.0.1:514' },
    'parse "127.0.0.1:514": first path segment in URL cannot contain colon',
  ],
  ['syslog', { 'syslog-address': 'unix:///nowhere/s' }, 'stat /nowhere/s: no such file or directory'],
  ['syslog', { 'syslog-facility': '24' }, 'invalid syslog facility'],
  ['syslog', { 'syslog-format': 'x' }, 'Invalid syslog format'],
  ['journald', { x: '1' }, "unknown log opt 'x' for journald log driver"],
  ['gelf', {}, 'gelf-address is a required parameter'],
  ['gelf', { 'gelf-address': 'http://h:1' }, 'gelf: endpoint needs to be TCP or UDP'],
  ['gelf', { 'gelf-address': 'udp://h' }, 'gelf: please provide gelf-address as proto://host:port'],
  ['gelf', { 'gelf-address': 'udp://h:1', x: '1' }, 'unknown log opt "x" for gelf log driver'],
  [
    'gelf',
    { 'gelf-address': 'tcp://h:1', 'gelf-compression-type': 'none' },
    'compression is only supported on UDP',
  ],
  [
    'gelf',
    { 'gelf-address': 'udp://h:1', 'gelf-compression-level': '10' },
    'unknown value "10" for log opt "gelf-compression-level" for gelf log driver',
  ],
  [
    'gelf',
    { 'gelf-address': 'udp://h:1', 'gelf-tcp-max-reconnect': '1' },
    '"gelf-tcp-max-reconnect" is only valid for TCP',
  ],
  ['fluentd', { x: '1' }, "unknown log opt 'x' for fluentd log driver"],
  [
    'fluentd',
    { 'fluentd-address': 'tcp://h:1/p' },
    'invalid fluentd-address (tcp://h:1/p): should not contain a path element',
  ],
  ['fluentd', { 'fluentd-address': 'unix://' }, 'invalid fluentd-address (unix://): path is empty'],
  ['fluentd', { 'fluentd-retry-wait': '10' }, 'time: missing unit in duration "10"'],
  [
    'fluentd',
    { 'fluentd-async-reconnect-interval': '20s' },
    'invalid value for fluentd-async-reconnect-interval: value ("20s") must be between 100ms and 10s',
  ],
  [
    'fluentd',
    { 'fluentd-read-timeout': '-1s' },
    'invalid value for fluentd-read-timeout: value must be a duration that is non-negative',
  ],
  [
    'fluentd',
    { 'fluentd-write-timeout': '3' },
    'invalid value for fluentd-write-timeout: value must be a duration: time: missing unit in duration "3"',
  ],
  ['splunk', { x: '1' }, "unknown log opt 'x' for splunk log driver"],
  ['awslogs', {}, "must specify a value for log opt 'awslogs-group'"],
  ['awslogs', { 'awslogs-group': 'g', labels: 'x' }, "unknown log opt 'labels' for awslogs log driver"],
  [
    'awslogs',
    { 'awslogs-group': 'g', 'awslogs-create-group': 'x' },
    `must specify valid value for log opt 'awslogs-create-group': strconv.ParseBool: parsing "x": invalid syntax`,
  ],
  [
    'awslogs',
    { 'awslogs-group': 'g', 'awslogs-datetime-format': '%Y', 'awslogs-multiline-pattern': 'x' },
    "you cannot configure log opt 'awslogs-datetime-format' and 'awslogs-multiline-pattern' at the same time",
  ],
])('what create refuses of %s %j', (type, config, why) => {
  expect(() => checkLogConfig(type, config)).toThrow(why);
});

test('what create takes', () => {
  checkLogConfig('none', { anything: 'x' });
  checkLogConfig('syslog', {
    'syslog-address': 'tcp+tls://h',
    'syslog-facility': 'local7',
    'cache-max-size': '1m',
  });
  checkLogConfig('fluentd', { 'fluentd-address': 'h:1', mode: 'non-blocking', 'max-buffer-size': '1m' });
  expect(driverNames()).toEqual([
    ...['awslogs', 'fluentd', 'gelf', 'journald', 'json-file', 'local', 'splunk', 'syslog'],
  ]);
  expect([keepsCopy({}), keepsCopy({ 'cache-disabled': 'true' })]).toEqual([true, false]);
});
