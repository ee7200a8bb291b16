// An esbuild plugin for a daemon whose system calls fail on demand: node:fs, node:fs/promises, node:sqlite, starts of programs
// and what is written to sockets are wrapped, and the programs that it starts are told of the file that arms them. See
// packages/native/failpoints/failpoints.c for its layout. The name `daemon.*` stands for every call that changes something.
import * as childProcess from 'node:child_process';
import * as fs from 'node:fs';
import * as promises from 'node:fs/promises';
import * as sqlite from 'node:sqlite';

const modules = {
  'node:fs': fs,
  'node:fs/promises': promises,
  'node:sqlite': sqlite,
  'node:child_process': childProcess,
};

// Kept to what changes something or opens it: what only looks is let through.
const CALLS =
  /^(open|mkdir|mkdtemp|rename|rm|rmdir|unlink|writeFile|write|truncate|ftruncate|fsync|fdatasync|chmod|chown|link|symlink|copyFile|readFile|readdir)(Sync)?$/;

const core = `
const fs = process.getBuiltinModule('node:fs');
const path = process.env.BERTH_FAILPOINTS;
const fd = path ? fs.openSync(path, 'r+') : -1;
const { errno } = process.getBuiltinModule('node:os').constants;
const names = Object.fromEntries(Object.entries(errno).map(([name, number]) => [number, name]));
const bytes = Buffer.alloc(4096);
const pause = new Int32Array(new SharedArrayBuffer(4));
const [KILL, KILL_AFTER] = [1000, 1001];
const die = () => process.kill(process.pid, 'SIGKILL');
/** @returns what a call is to do now: nothing, to wait for milliseconds, to fail with an errno, or to be the last one */
function hit(name, changes = true) {
  if (fd < 0 || fs.readSync(fd, bytes, 0, 4096, 0) < 64 || bytes.readInt32LE(0) === 0) return {};
  for (let at = 64; at + 64 <= 4096 && bytes[at]; at += 64) {
    const armed = bytes.toString('latin1', at, bytes.indexOf(0, at));
    if (armed !== name && !(changes && armed === 'daemon.*')) continue;
    const [action, skip, count, hits] = [48, 52, 56, 60].map((field) => bytes.readInt32LE(at + field));
    const now = [skip - 1, skip > 0 ? count : count - 1, skip > 0 || count <= 0 ? hits : hits + 1];
    now.forEach((value, index) => bytes.writeInt32LE(value, at + 52 + 4 * index));
    fs.writeSync(fd, bytes, at + 52, 12, at + 52);
    if (skip > 0 || count <= 0) continue;
    const last = Buffer.alloc(60);
    last.write(name);
    fs.writeSync(fd, last, 0, 60, 4);
    if (action === KILL) die();
    if (action === KILL_AFTER) return { last: true };
    return action < 0 ? { wait: -action } : { fails: action };
  }
  return {};
}
/** Opening a file for reading changes nothing. */
const changes = (name, [, flags]) =>
  !/^fs.(readFile|readdir)$/.test(name) &&
  !(name === 'fs.open' && (flags === undefined || flags === 'r' || (typeof flags === 'number' && (flags & 0o1103) === 0)));
const failure = (name, number) =>
  Object.assign(new Error(names[number] + ': failpoint, ' + name), { code: names[number], errno: -number, syscall: name });
export function wrapSync(name, real) {
  return (...args) => {
    const { wait, fails, last } = hit(name, changes(name, args));
    if (wait) Atomics.wait(pause, 0, 0, wait);
    if (fails) throw failure(name, fails);
    const result = real(...args);
    if (last) die();
    return result;
  };
}
export function wrapCallback(name, real) {
  return (...args) => {
    const { wait, fails, last } = hit(name, changes(name, args));
    if (fails) return setImmediate(args.at(-1), failure(name, fails));
    if (last) args.push(args.pop() && die);
    if (wait) return setTimeout(() => real(...args), wait);
    return real(...args);
  };
}
export function wrapPromise(name, real) {
  return async (...args) => {
    const { wait, fails, last } = hit(name, changes(name, args));
    if (wait) await new Promise((resolve) => setTimeout(resolve, wait));
    if (fails) throw failure(name, fails);
    const result = await real(...args);
    if (last) die();
    return result;
  };
}
export function wrapDatabase(Real) {
  const check = (name, act) => {
    const { wait, fails, last } = hit(name);
    if (wait) Atomics.wait(pause, 0, 0, wait);
    // SQLITE_FULL, SQLITE_IOERR
    if (fails) throw Object.assign(new Error('failpoint: ' + name), { errcode: fails === errno.ENOSPC ? 13 : 10 });
    const result = act();
    if (last) die();
    return result;
  };
  return class extends Real {
    prepare(text) {
      const statement = super.prepare(text);
      if (!/^(INSERT|DELETE|COMMIT)/.test(text)) return statement;
      const run = statement.run.bind(statement);
      statement.run = (...values) => check('sqlite.run', () => run(...values));
      return statement;
    }
  };
}
const told = (options) =>
  options?.env ? { ...options, env: { ...options.env, ...(path && { BERTH_FAILPOINTS: path }) } } : options;
// A program that cannot be started says so in its own way, not by an exception: it is only the last thing that is done.
export const wrapSpawn = (real) => (command, args, options) => {
  const { wait, last } = hit('spawn');
  if (wait) Atomics.wait(pause, 0, 0, wait);
  const child = real(command, args, told(options));
  if (last) die();
  return child;
};
// Messages to the other processes, and answers.
const { Socket } = process.getBuiltinModule('node:net');
const { write } = Socket.prototype;
Socket.prototype.write = function (...args) {
  const { wait, last } = hit('net.write');
  if (wait) Atomics.wait(pause, 0, 0, wait);
  const result = write.apply(this, args);
  if (last) die();
  return result;
};
`;

function wrapped(specifier, name) {
  const real = `real[${JSON.stringify(name)}]`;
  if (specifier === 'node:child_process') return name === 'spawn' ? `wrapSpawn(${real})` : real;
  if (specifier === 'node:sqlite') return name === 'DatabaseSync' ? `wrapDatabase(${real})` : real;
  if (!CALLS.test(name)) return real;
  const point = JSON.stringify(`fs.${name.replace(/Sync$/, '')}`);
  if (specifier === 'node:fs/promises') return `wrapPromise(${point}, ${real})`;
  return name.endsWith('Sync') ? `wrapSync(${point}, ${real})` : `wrapCallback(${point}, ${real})`;
}

function source(specifier) {
  const names = Object.keys(modules[specifier]).filter((name) => name !== 'default');
  return [
    `import { wrapCallback, wrapDatabase, wrapPromise, wrapSpawn, wrapSync } from 'failpoints:core';`,
    `const real = process.getBuiltinModule(${JSON.stringify(specifier)});`,
    ...names.map((name, index) => `const value${index} = ${wrapped(specifier, name)};`),
    `export { ${names.map((name, index) => `value${index} as ${name}`).join(', ')} };`,
    `export default { ...real, ${names.map((name, index) => `${JSON.stringify(name)}: value${index}`).join(', ')} };`,
  ].join('\n');
}

export const failpoints = {
  name: 'failpoints',
  setup({ onResolve, onLoad }) {
    const filter = /^(node:(fs|fs\/promises|sqlite|child_process)|failpoints:core)$/;
    // Other people's code is let alone.
    onResolve({ filter }, ({ path, importer, namespace }) =>
      importer.includes('/node_modules/')
        ? undefined
        : { path, namespace: 'failpoints', pluginData: namespace },
    );
    onLoad({ filter: /.*/, namespace: 'failpoints' }, ({ path }) => ({
      contents: path === 'failpoints:core' ? core : source(path),
      loader: 'js',
    }));
  },
};
