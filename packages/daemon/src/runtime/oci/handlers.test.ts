import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Handlers } from './handlers.ts';

const folder = mkdtempSync(join(tmpdir(), 'berth-handlers-'));
afterAll(() => rmSync(folder, { recursive: true }));

function program(name: string, script: string): string {
  const path = join(folder, name);
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  return path;
}

const open = (runtimes: Record<string, { path: string; runtimeArgs: string[] }>, defaultRuntime = '') =>
  new Handlers({ runtimes, defaultRuntime }, () => ({ ociVersionMax: '1.2.0' }));
const crun = program('crun', `[ "$*" = "--x features" ] && echo '{ "hooks": [] }'`);

test("Berth's own runtime has the names that clients expect, and is the default", () => {
  const handlers = open({ crun: { path: crun, runtimeArgs: [] } });
  expect(handlers.default).toBe('runc');
  for (const name of ['', 'berth', 'runc', 'io.containerd.runc.v2', 'io.containerd.runc.v1'])
    expect(handlers.resolve(name).program).toBeUndefined();
  expect(handlers.names()).toEqual(['crun', 'runc', 'io.containerd.runc.v2']);
});

test('somebody may register another program as runc; the default stays', () => {
  const handlers = open({ runc: { path: crun, runtimeArgs: ['--x'] } });
  expect(handlers.default).toBe('berth');
  expect(handlers.resolve('').program).toBeUndefined();
  expect(handlers.resolve('runc')).toEqual({ name: 'runc', program: { path: crun, args: ['--x'] } });
  expect(handlers.names()).toEqual(['runc', 'berth', 'io.containerd.runc.v2']);
});

test("a runtime is found by containerd's form of its name, and by the daemon's default", () => {
  const handlers = open({ crun: { path: crun, runtimeArgs: [] } }, 'crun');
  expect(handlers.resolve('io.containerd.crun.v2').program?.path).toBe(crun);
  expect(handlers.resolve('').program?.path).toBe(crun);
});

test('a bare name is looked up in PATH', () => {
  expect(open({ sh: { path: 'sh', runtimeArgs: [] } }).resolve('sh').program?.path).toMatch(/^\/.*\/sh$/);
});

test.each(['nosuch', '/usr/bin/crun', 'toString', '.x', 'constructor'])('%s is no runtime', (name) => {
  expect(() => open({}).check(name)).toThrow(`unknown or invalid runtime name: ${name}`);
});

test.each([
  [{ path: '/nosuch/crun' }, 'fork/exec /nosuch/crun: no such file or directory'],
  [{ path: 'no-such-program' }, 'exec: "no-such-program": executable file not found in $PATH'],
  [{ path: '/etc/passwd' }, 'fork/exec /etc/passwd: permission denied'],
  [{ path: '/etc/' }, 'fork/exec /etc/: permission denied'],
])('a program that is not there is told at the start: %p', ({ path }, words) => {
  const handlers = open({ x: { path, runtimeArgs: [] } });
  handlers.check('x');
  expect(() => handlers.resolve('x')).toThrow(`unable to retrieve OCI runtime error: ${words}: unknown`);
});

test("a shim's name that is not registered is refused at the start, as containerd does", () => {
  const handlers = open({});
  handlers.check('io.containerd.kata.v2');
  expect(() => handlers.resolve('io.containerd.kata.v2')).toThrow(
    'runtime "io.containerd.kata.v2" binary not installed "containerd-shim-kata-v2"',
  );
});

test('runtimes are described by their own features, where they tell them', async () => {
  const mute = program('mute', 'exit 1');
  const told = await open({
    crun: { path: crun, runtimeArgs: ['--x'] },
    mute: { path: mute, runtimeArgs: [] },
    gone: { path: '/nosuch', runtimeArgs: [] },
  }).describe();
  const features = (text: string) => ({ 'org.opencontainers.runtime-spec.features': text });
  expect(told).toEqual({
    crun: { path: crun, runtimeArgs: ['--x'], status: features('{"hooks":[]}') },
    gone: { path: '/nosuch' },
    'io.containerd.runc.v2': { path: 'berth-native', status: features('{"ociVersionMax":"1.2.0"}') },
    mute: { path: mute },
    runc: { path: 'berth-native', status: features('{"ociVersionMax":"1.2.0"}') },
  });
});
