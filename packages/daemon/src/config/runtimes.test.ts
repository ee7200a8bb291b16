import { addRuntime, readRuntimes } from './runtimes.ts';

test('--add-runtime takes NAME=PATH, names in lower case', () => {
  expect(addRuntime(addRuntime(undefined, 'Crun = /usr/bin/crun'), 'x=y=z')).toEqual({
    crun: { path: '/usr/bin/crun', runtimeArgs: [] },
    x: { path: 'y=z', runtimeArgs: [] },
  });
});

test.each([
  ['bad', 'invalid runtime argument: bad'],
  ['=x', 'invalid runtime argument: =x'],
  ['x=', 'invalid runtime argument: x='],
  ['berth=/x', "runtime name 'berth' is reserved"],
  ['crun=/y', "runtime 'crun' was already defined"],
])('--add-runtime %s is refused', (text, why) => {
  expect(() => addRuntime({ crun: { path: '/x', runtimeArgs: [] } }, text)).toThrow(why);
});

test("the file's runtimes: by path, or by containerd's type of runc with another program", () => {
  expect(
    readRuntimes({
      a: { path: '/a', runtimeArgs: ['--debug'] },
      b: { runtimeType: 'io.containerd.runc.v2', options: { BinaryName: '/b' } },
      c: { runtimeType: 'io.containerd.runc.v2' },
    }),
  ).toEqual({
    a: { path: '/a', runtimeArgs: ['--debug'] },
    b: { path: '/b', runtimeArgs: [] },
    c: { path: 'runc', runtimeArgs: [] },
  });
});

test.each([
  [{}, 'runtime x: either a runtimeType or a path must be configured'],
  [{ path: '/x', runtimeType: 'y' }, 'runtime x: cannot configure both path and runtimeType'],
  [{ path: '/x', options: {} }, 'runtime x: options cannot be used with a path runtime'],
  [{ path: 1 }, 'runtime x: path must be a string'],
  [{ path: '/x', runtimeArgs: 'a' }, 'runtime x: runtimeArgs must be a list of strings'],
  [{ runtimeType: 'io.containerd.kata.v2' }, 'runtime x: runtimeType io.containerd.kata.v2 is not supported'],
  [{ runtimeType: 'io.containerd.runc.v2', runtimeArgs: ['a'] }, 'runtime x: args cannot be used'],
  [{ runtimeType: 'io.containerd.runc.v2', options: { SystemdCgroup: true } }, 'option SystemdCgroup is not'],
  [null, 'runtime x: must be an object'],
])('an entry of the file is refused: %j', (entry, why) => {
  expect(() => readRuntimes({ x: entry })).toThrow(why);
});
