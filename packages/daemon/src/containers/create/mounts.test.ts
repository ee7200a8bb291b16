import { mergeTmpfsOptions, parseBind, parseMount, parseVolumesFrom } from './mounts.ts';
import { mountOf } from './propagation.ts';

test.each([
  ['/a:/b', { Type: 'bind', Source: '/a', Destination: '/b', RW: true, Mode: '', createSource: true }],
  [
    '/a/:/b/:ro,rslave',
    { Source: '/a', Destination: '/b', RW: false, Propagation: 'rslave', Mode: 'ro,rslave' },
  ],
  ['v:/b', { Type: 'volume', Name: 'v', Destination: '/b', Driver: 'local', copyUp: true }],
  ['/a:/b:ro,idmap', { Type: 'bind', RW: false, Mode: 'ro,idmap', idMap: 'container' }],
  ['/a:/b:idmap=uids=0-1-1;gids=0-2-1', { idMap: 'uids=0-1-1;gids=0-2-1' }],
  ['v:/b:nocopy', { Type: 'volume', Name: 'v', Mode: 'nocopy' }],
  ['/b', { Type: 'volume', Destination: '/b' }],
])('the bind %s', (raw, expected) => {
  expect(parseBind(raw, '')).toMatchObject(expected);
});

test('nocopy leaves an empty volume empty', () => {
  expect(parseBind('v:/b:nocopy', '').copyUp).toBeUndefined();
});

test.each([
  ['x:y:z:a', "invalid volume specification: 'x:y:z:a'"],
  ['/foo:rw', "invalid volume specification: '/foo:rw'"],
  ['/x:/y:bogus', 'invalid mode: bogus'],
  ['/x:/y:ro,rw', 'invalid mode: ro,rw'],
  ['/x:/y:idmap,idmap=container', 'invalid mode: idmap,idmap=container'],
  ['/x:/y:idmap=0-1-1', 'field BindOptions.IDMap: "0-1-1" is not uids='],
  ['v:/y:idmap', "invalid volume specification: 'v:/y:idmap': idmap is for binds of a path"],
  [
    'x:y',
    "invalid volume specification: 'x:y': invalid mount config for type \"volume\": invalid mount path: 'y' mount path must be absolute",
  ],
  [
    '/x:/',
    "invalid volume specification: '/x:/': invalid mount config for type \"bind\": invalid specification: destination can't be '/'",
  ],
])('refuses the bind %s', (raw, message) => {
  expect(() => parseBind(raw, '')).toThrow(message);
});

test.each([
  [{ Type: 'bind', Source: 'x', Target: '/y' }, "invalid mount path: 'x' mount path must be absolute"],
  [{ Type: 'volume', Source: 'v', Target: 'y' }, "invalid mount path: 'y' mount path must be absolute"],
  [{ Type: 'tmpfs', Source: 'x', Target: '/y' }, 'field Source must not be specified'],
  [{ Type: 'image', Target: '/y' }, 'field Source must not be empty'],
  [{ Type: 'npipe', Source: 'x', Target: '/y' }, 'mount type unknown'],
  [
    { Type: 'volume', Target: '/y', ReadOnly: true },
    'must not set ReadOnly mode when using anonymous volumes',
  ],
  [
    { Type: 'volume', Source: 'v', Target: '/y', VolumeOptions: { Subpath: '../x' } },
    'subpath must be a relative path within the volume',
  ],
])('refuses the mount %j', (spec, why) => {
  expect(() => parseMount(spec)).toThrow(`invalid mount config for type "${spec.Type}": ${why}`);
});

test('a tmpfs mount keeps size and mode', () => {
  expect(
    parseMount({ Type: 'tmpfs', Target: '/t', TmpfsOptions: { SizeBytes: 4096, Mode: 0o700 } }),
  ).toMatchObject({
    Type: 'tmpfs',
    tmpfs: 'mode=700,size=4096',
  });
});

test('options of a tmpfs override the defaults', () => {
  expect(mergeTmpfsOptions('')).toEqual(['noexec', 'nosuid', 'nodev']);
  expect(mergeTmpfsOptions('exec,size=1m')).toEqual(['nosuid', 'nodev', 'exec', 'size=1m']);
  expect(() => mergeTmpfsOptions('bogus')).toThrow('invalid tmpfs option "bogus"');
});

test('volumes-from', () => {
  expect(parseVolumesFrom('web')).toEqual({ container: 'web', readonly: false });
  expect(parseVolumesFrom('web:ro')).toEqual({ container: 'web', readonly: true });
  expect(() => parseVolumesFrom('web:bogus')).toThrow('invalid mode: bogus');
});

test('options of another kind of mount are refused', () => {
  expect(() => parseMount({ Type: 'volume', Source: 'v', Target: '/y', BindOptions: {} })).toThrow(
    'BindOptions must not be specified on mount type "volume"',
  );
});

test('a path is on the deepest mount above it, of two at one place on the later', () => {
  const table = [
    '1 0 8:1 / / rw - ext4 /dev/a rw',
    '2 1 0:5 / /srv rw shared:7 - tmpfs none rw',
    '3 1 0:6 / /srv rw master:7 - tmpfs none rw',
    '4 1 0:7 / /srv/with\\040blank rw shared:9 - tmpfs none rw',
  ].join('\n');
  expect(mountOf('/srvx', table)).toEqual({ place: '/', optional: '' });
  expect(mountOf('/srv/a', table)).toEqual({ place: '/srv', optional: 'master:7' });
  expect(mountOf('/srv/with blank', table)).toEqual({ place: '/srv/with blank', optional: 'shared:9' });
});
