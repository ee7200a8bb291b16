// The house keeps its plan: TypeScript imports by .dependency-cruiser.mjs, C includes by the rooms below, and no folder
// with so many files that nobody finds anything in it.
import { spawnSync } from 'node:child_process';
import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { pinnedNode, root, run } from './lib.mjs';

/**
 * The rooms that files of a room of packages/native/c may include besides its own; the longest name that fits is a
 * file's room.
 */
const C_ROOMS = {
  base: [],
  init: [],
  'layer/tar': ['base'],
  'layer/tree': ['base', 'layer/tar'],
  layer: ['base', 'layer/tar', 'layer/tree'],
  network: ['base'],
  container: ['base', 'layer', 'layer/tar', 'layer/tree'],
  supervisor: ['base', 'container'],
  dns: ['base', 'supervisor'],
  portproxy: ['base', 'supervisor'],
  probe: ['base'],
  pod: ['base', 'portproxy'],
  launcher: ['base', 'layer', 'supervisor', 'pod'],
};
const MAX_FILES = 25;
const problems = [];

const roomOf = (file) =>
  Object.keys(C_ROOMS)
    .sort((a, b) => b.length - a.length)
    .find((room) => file.startsWith(`${room}/`));

const c = join(root, 'packages/native/c');
for (const file of globSync('**/*.{c,h}', { cwd: c })) {
  const room = roomOf(file);
  if (!room) {
    if (file !== 'main.c')
      problems.push(`packages/native/c/${file} is in no room that .scripts/rooms.mjs knows`);
    continue;
  }
  for (const [, included] of readFileSync(join(c, file), 'utf8').matchAll(/^\s*#\s*include\s+"([^"]+)"/gm)) {
    const target = roomOf(included);
    if (!target)
      problems.push(
        `packages/native/c/${file} includes "${included}", which is not written as "ROOM/FILE.h"`,
      );
    else if (target !== room && !C_ROOMS[room].includes(target))
      problems.push(`packages/native/c/${file}: ${room} may not include ${target} ("${included}")`);
  }
}

const tracked = spawnSync(
  'git',
  ['ls-files', '--cached', '--others', '--exclude-standard', 'packages', 'e2e', '.scripts'],
  {
    cwd: root,
    encoding: 'utf8',
  },
);
// A tree without git (a release's tar) is looked at as it lies.
const files =
  tracked.status === 0
    ? tracked.stdout.split('\n').filter(Boolean)
    : globSync('{packages,e2e,.scripts}/**/*', { cwd: root });
const folders = new Set(
  files.map((file) => dirname(file)).filter((folder) => !folder.includes('node_modules')),
);
for (const folder of folders) {
  const count = readdirSync(join(root, folder), { withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  ).length;
  if (count > MAX_FILES)
    problems.push(`${folder} has ${count} files; more than ${MAX_FILES} are to be divided`);
}

for (const file of files)
  if (
    /^packages\/[^/]+\/src\/.*\.tsx?$/.test(file) &&
    existsSync(join(root, file)) &&
    readFileSync(join(root, file), 'utf8').includes('noExplicitAny')
  )
    problems.push(`${file} excepts itself from the rule against \`any\``);

for (const problem of problems) process.stderr.write(`${problem}\n`);
const sources = globSync('packages/*/src', { cwd: root }).map((path) => relative(root, join(root, path)));
run(pinnedNode, [
  join(root, 'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs'),
  '--config',
  '.dependency-cruiser.mjs',
  '--output-type',
  'err',
  ...sources,
  'e2e',
]);
if (problems.length > 0) process.exit(1);
