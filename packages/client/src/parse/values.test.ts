import * as fc from 'fast-check';
import { csvFields, cut } from './csv.ts';
import { checkDeviceRule, isCdiName, parseByteRate, parseDevice, parseOperationRate } from './devices.ts';
import { checkDnsSearch, checkExtraHost, checkLink, checkStream, checkSysctl } from './hosts.ts';
import { parseRestartPolicy, parseUlimit } from './limits.ts';
import { parseMount, parseVolume } from './mounts.ts';
import { parsePorts } from './ports.ts';
import { parseBytes, parseCpus, parseDuration } from './units.ts';

/* Values of flags, read as docker reads them and refused in its words. */

type Reader = (text: string) => unknown;

describe('units', () => {
  test.each<[Reader, string, number]>([
    [parseBytes, '4096', 4096],
    [parseBytes, '64m', 64 * 2 ** 20],
    [parseBytes, '1.5GiB', 1.5 * 2 ** 30],
    [parseBytes, '2 kb', 2048],
    [parseBytes, '7b', 7],
    [parseCpus, '1.5', 1_500_000_000],
    [parseCpus, '3/2', 1_500_000_000],
    [parseCpus, '1e-3', 1_000_000],
    [parseDuration, '1h30m', 5.4e12],
    [parseDuration, '1.5s', 1.5e9],
    [parseDuration, '-2ms', -2e6],
    [parseDuration, '0', 0],
  ])('%p of %j', (read, text, value) => expect(read(text)).toBe(value));

  test.each<[Reader, string, string]>([
    [parseBytes, 'much', "invalid size: 'much'"],
    [parseBytes, '-1', "invalid size: '-1'"],
    [parseBytes, '1x', "invalid suffix: 'x'"],
    [parseBytes, '1mbb', "invalid suffix: 'mbb'"],
    [parseCpus, 'one', 'failed to parse one as a rational number'],
    [parseCpus, '1/0', 'failed to parse 1/0 as a rational number'],
    [parseCpus, '1/3', 'value is too precise'],
    [parseDuration, '', 'time: invalid duration ""'],
    [parseDuration, '5', 'time: missing unit in duration "5"'],
    [parseDuration, '5d', 'time: unknown unit "d" in duration "5d"'],
  ])('%p refuses %j', (read, text, reason) => expect(() => read(text)).toThrow(new Error(reason)));
});

describe('comma-separated values', () => {
  test('whatever fields are written come back', () => {
    const quoted = (field: string) => `"${field.replaceAll('"', '""')}"`;
    fc.assert(
      fc.property(fc.array(fc.string(), { minLength: 1, maxLength: 5 }), (fields) => {
        expect(csvFields(fields.map(quoted).join(','))).toEqual(fields);
      }),
    );
  });

  test.each([
    ['', 'EOF'],
    ['a"b', 'parse error on line 1, column 2: bare " in non-quoted-field'],
    ['"a', 'parse error on line 1, column 3: extraneous or missing " in quoted-field'],
    ['"a"b', 'parse error on line 1, column 3: extraneous or missing " in quoted-field'],
  ])('%j is refused', (line, reason) => expect(() => csvFields(line)).toThrow(new Error(reason)));

  test('a text is cut at the first separator', () => {
    expect([cut('a=b=c', '='), cut('a=', '='), cut('a', '=')]).toEqual([
      ['a', 'b=c'],
      ['a', ''],
      ['a', undefined],
    ]);
  });
});

describe('ports', () => {
  test('in short and long form, with ranges and addresses', () => {
    expect(
      parsePorts(
        ['80', '127.0.0.1:8080:80/udp', '[::1]:90-91:90-91', 'published=1-2,target=3'],
        ['70-71', '9/SCTP'],
      ),
    ).toEqual({
      exposed: {
        '80/tcp': {},
        '80/udp': {},
        '90/tcp': {},
        '91/tcp': {},
        '3/tcp': {},
        '70/tcp': {},
        '71/tcp': {},
        '9/sctp': {},
      },
      bindings: {
        '80/tcp': [{ HostIp: '', HostPort: '' }],
        '80/udp': [{ HostIp: '127.0.0.1', HostPort: '8080' }],
        '90/tcp': [{ HostIp: '::1', HostPort: '90' }],
        '91/tcp': [{ HostIp: '::1', HostPort: '91' }],
        '3/tcp': [{ HostIp: '', HostPort: '1-2' }],
      },
    });
  });

  test.each([
    ['x', 'invalid containerPort: x'],
    ['70000', 'invalid containerPort: 70000'],
    ['y:80', 'invalid hostPort: y'],
    ['host:80:80', 'invalid IP address: host'],
    ['80-82:90-91', 'invalid ranges specified for container and host Ports: 90-91 and 80-82'],
    ['80/icmp', 'invalid proto: icmp'],
    ['80:', 'no port specified: 80:<empty>'],
    ['target', 'invalid containerPort: target'],
    ['target=80,ro', "invalid publish opts format (should be name=value but got 'ro')"],
  ])('%j is no port', (text, reason) => expect(() => parsePorts([text], [])).toThrow(new Error(reason)));

  test('nothing of the host can be exposed', () => {
    expect(() => parsePorts([], ['80:80'])).toThrow('invalid port format for --expose: 80:80');
    expect(() => parsePorts([], ['82-80'])).toThrow('invalid range specified for port: 82-80');
  });
});

describe('mounts', () => {
  test('with their options', () => {
    expect(parseMount('type=bind,src=/a,dst=/b,ro,bind-propagation=rslave')).toEqual({
      Type: 'bind',
      Source: '/a',
      Target: '/b',
      ReadOnly: true,
      BindOptions: { Propagation: 'rslave' },
    });
    expect(parseMount('"type=tmpfs",target=/t,tmpfs-size=1m,tmpfs-mode=1777')).toEqual({
      Type: 'tmpfs',
      Target: '/t',
      TmpfsOptions: { SizeBytes: 1_048_576, Mode: 0o1777 },
    });
    expect(parseMount('dst=/v,volume-nocopy,volume-label=a=b')).toMatchObject({
      Type: 'volume',
      VolumeOptions: { NoCopy: true, Labels: { a: 'b' } },
    });
  });

  test.each([
    ['', 'EOF'],
    ['type=bind,src=/a', 'target is required'],
    ['dst=/a,wrong', "invalid field 'wrong' must be a key=value pair"],
    ['dst=/a,wrong=1', "unexpected key 'wrong' in 'wrong=1'"],
    ['type=bind,src=/a,dst=/b,tmpfs-size=1', "cannot mix 'tmpfs-*' options with mount type 'bind'"],
    ['dst=/a,readonly=perhaps', 'invalid value for readonly: perhaps'],
    [
      'type=bind,src=/a,dst=/b,bind-recursive=readonly',
      "option 'bind-recursive=readonly' requires 'readonly' to be specified in conjunction",
    ],
  ])('%j is refused', (text, reason) => expect(() => parseMount(text)).toThrow(reason));

  test('volumes: named, anonymous, and paths made absolute', () => {
    expect(parseVolume('data:/d:ro')).toEqual({ bind: 'data:/d:ro' });
    expect(parseVolume('/d')).toEqual({ anonymous: '/d' });
    expect(parseVolume('./a:/b')).toEqual({ bind: `${process.cwd()}/a:/b` });
    expect(() => parseVolume('')).toThrow('invalid empty volume spec');
    expect(() => parseVolume('a::b')).toThrow('invalid spec: a::b: empty section between colons');
    expect(() => parseVolume('a:b:c:d')).toThrow('invalid spec: a:b:c:d: too many colons');
  });
});

describe('devices', () => {
  test('with the place and the rights inside', () => {
    const device = (PathOnHost: string, PathInContainer: string, CgroupPermissions: string) => ({
      PathOnHost,
      PathInContainer,
      CgroupPermissions,
    });
    expect(parseDevice('/dev/fuse')).toEqual(device('/dev/fuse', '/dev/fuse', 'rwm'));
    expect(parseDevice('/dev/a:r')).toEqual(device('/dev/a', '/dev/a', 'r'));
    expect(parseDevice('/dev/a:/dev/b:rw')).toEqual(device('/dev/a', '/dev/b', 'rw'));
    expect(['vendor.com/gpu=0', 'a/b', '/dev/a'].map(isCdiName)).toEqual([true, false, false]);
    expect(parseByteRate('/dev/sda:1mb')).toEqual({ Path: '/dev/sda', Rate: 1_048_576 });
    expect(checkDeviceRule('c 1:* rwm')).toBe('c 1:* rwm');
  });

  test.each<[Reader, string, string]>([
    [parseDevice, ':/dev/b', 'bad format for path: :/dev/b'],
    [parseDevice, '/dev/a:/dev/b:z', 'bad mode specified: z'],
    [parseDevice, 'fuse', 'fuse is not an absolute path'],
    [checkDeviceRule, 'c 1:*', "invalid device cgroup format 'c 1:*'"],
    [parseByteRate, '/dev/sda', 'bad format: /dev/sda'],
    [parseByteRate, 'sda:1', 'bad format for device path: sda:1'],
    [parseOperationRate, '/dev/sda:1mb', 'invalid rate for device: /dev/sda:1mb.'],
  ])('%p refuses %j', (read, text, reason) => expect(() => read(text)).toThrow(reason));
});

describe('hosts and limits', () => {
  test('are taken as the daemon spells them', () => {
    expect(['a=1.2.3.4', 'a:[::1]', 'a=host-gateway'].map(checkExtraHost)).toEqual([
      'a:1.2.3.4',
      'a:::1',
      'a:host-gateway',
    ]);
    expect(['.', ' example.org. '].map(checkDnsSearch)).toEqual(['.', 'example.org']);
    expect(checkStream('StdErr')).toBe('stderr');
    expect(checkSysctl('net.ipv4.ip_forward=1')).toEqual({ 'net.ipv4.ip_forward': '1' });
    expect(parseUlimit('nofile=10:20')).toEqual({ Name: 'nofile', Soft: 10, Hard: 20 });
    expect(parseUlimit('core=-1')).toEqual({ Name: 'core', Soft: -1, Hard: -1 });
    expect(parseRestartPolicy('on-failure:3')).toEqual({ Name: 'on-failure', MaximumRetryCount: 3 });
  });

  test.each<[Reader, string, string]>([
    [checkExtraHost, 'a', 'bad format for add-host: "a"'],
    [checkExtraHost, 'a=b', 'invalid IP address in add-host: "b"'],
    [checkDnsSearch, '1.2', '1.2 is not a valid domain'],
    [checkLink, 'a:b:c', 'bad format for links: a:b:c'],
    [checkStream, 'out', 'valid streams are STDIN, STDOUT and STDERR'],
    [checkSysctl, 'kernel.panic=1', "sysctl 'kernel.panic=1' is not allowed"],
    [parseUlimit, 'files=1', 'invalid ulimit type: files'],
    [parseUlimit, 'nofile=2:1', 'ulimit soft limit must be less than or equal to hard limit: 2 > 1'],
    [parseUlimit, 'nofile=a', 'strconv.ParseInt: parsing "a": invalid syntax'],
    [parseRestartPolicy, ':3', 'invalid restart policy format: no policy provided before colon'],
    [parseRestartPolicy, 'always:x', 'invalid restart policy format: maximum retry count must be an integer'],
  ])('%p refuses %j', (read, text, reason) => expect(() => read(text)).toThrow(new Error(reason)));
});
