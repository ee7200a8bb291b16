// Makes packages/native/build/front-body.h, by which the client's front (packages/native/front) says in a create request what
// the client itself would: its body for no flags at all, and where each flag of the front stands in it. Runs on the pinned
// Node, which reads the client's TypeScript.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseFlags } from '../packages/client/src/base/flags.ts';
import { containerSettings } from '../packages/client/src/parse/container-config.ts';
import { containerFlags } from '../packages/client/src/parse/container-flags.ts';
import { createBody } from '../packages/client/src/parse/create-body.ts';
import { apiVersion, userAgent } from '../packages/client/src/transport/api.ts';
import { defaultSocket } from '../packages/client/src/transport/endpoint.ts';
import { CLIENT_FLAGS } from './client/flags.mjs';
import { root } from './lib.mjs';

/** The flags of `run` that the front takes: those that stand in the body as they are written. */
const SWITCHES = ['rm', 'privileged', 'read-only', 'publish-all'];
const STRINGS = ['hostname', 'user', 'workdir', 'domainname', 'cgroup-parent'];
const LISTS = ['cap-add', 'cap-drop', 'volumes-from'];
const VARIABLES = ['env'];

const body = (...words) => {
  const { flags, given, args } = parseFlags(containerFlags, [...words, 'IMAGE'], false);
  return createBody(containerSettings(flags, given, args[0], args.slice(1), {}), ['CONSOLE']);
};
/** Values of a body by their paths, where arrays are values. */
const leaves = (value, path = '') =>
  value !== null && typeof value === 'object' && !Array.isArray(value) && Object.keys(value).length > 0
    ? Object.entries(value).flatMap(([name, member]) => leaves(member, `${path}/${name}`))
    : [[path, JSON.stringify(value)]];

const plain = new Map(leaves(body()));
/** The one place of the body that a flag changes, which must be to `wanted`. */
function place(name, words, wanted) {
  const changed = leaves(body(...words)).filter(([path, value]) => plain.get(path) !== value);
  if (changed.length !== 1 || changed[0][1] !== wanted || !plain.has(changed[0][0]))
    throw new Error(`--${name} is no flag for the front: it changes ${JSON.stringify(changed)}`);
  return changed[0][0];
}

const flags = [
  ...SWITCHES.map((name) => ({ name, kind: 'FRONT_SWITCH', at: place(name, [`--${name}`], 'true') })),
  ...STRINGS.map((name) => ({ name, kind: 'FRONT_STRING', at: place(name, [`--${name}`, 'a b'], '"a b"') })),
  ...LISTS.map((name) => ({
    name,
    kind: 'FRONT_LIST',
    at: place(name, [`--${name}`, 'a', `--${name}`, 'b'], '["a","b"]'),
  })),
  ...VARIABLES.map((name) => ({
    name,
    kind: 'FRONT_VARIABLE',
    at: place(name, [`--${name}`, 'a=b', `--${name}`, 'a=c'], '["a=b","a=c"]'),
  })),
];
const holes = new Map(flags.map(({ at }, index) => [at, { hole: String(index), initial: plain.get(at) }]));
holes.set('/Image', { hole: 'FRONT_IMAGE' });
holes.set('/Cmd', { hole: 'FRONT_COMMAND' });
holes.set('/HostConfig/ConsoleSize', { hole: 'FRONT_CONSOLE' });
for (const name of ['AttachStdout', 'AttachStderr']) holes.set(`/${name}`, { hole: 'FRONT_ATTACH' });

const pieces = [];
let text = '';
function write(value, path) {
  const hole = holes.get(path);
  if (hole) {
    pieces.push({ text, ...hole });
    text = '';
  } else if (value !== null && typeof value === 'object' && !Array.isArray(value)) {
    text += '{';
    Object.entries(value).forEach(([name, member], index) => {
      text += `${index ? ',' : ''}${JSON.stringify(name)}:`;
      write(member, `${path}/${name}`);
    });
    text += '}';
  } else text += JSON.stringify(value);
}
write(body(), '');
pieces.push({ text, hole: 'FRONT_NOTHING' });
if (pieces.length !== holes.size + 1) throw new Error('a place of the front is not in the body');

const c = (value) => (value === undefined ? 'NULL' : JSON.stringify(value));
const header = `// Made by .scripts/generate-front.mjs from the client.
#pragma once
#define FRONT_API_VERSION ${c(apiVersion)}
#define FRONT_USER_AGENT ${c(userAgent)}
#define FRONT_SOCKET ${c(defaultSocket)}
#define FRONT_NODE_FLAGS ${CLIENT_FLAGS.map((flag) => `${c(flag)}, `).join('')}
enum front_kind { FRONT_SWITCH, FRONT_STRING, FRONT_LIST, FRONT_VARIABLE };
enum front_hole { FRONT_NOTHING = -1, FRONT_IMAGE = -2, FRONT_COMMAND = -3, FRONT_CONSOLE = -4, FRONT_ATTACH = -5 };
static const struct front_flag {
  const char *name;
  char letter;
  enum front_kind kind;
} FRONT_FLAGS[] __attribute__((unused)) = {
${flags.map(({ name, kind }) => `    {${c(name)}, ${containerFlags[name].short ? `'${containerFlags[name].short}'` : 0}, ${kind}},`).join('\n')}
};
/** A text, and what stands behind it: a flag by its number, or a hole. */
static const struct front_piece {
  const char *text;
  int hole;
  const char *initial;
} FRONT_BODY[] __attribute__((unused)) = {
${pieces.map((piece) => `    {${c(piece.text)}, ${piece.hole}, ${c(piece.initial)}},`).join('\n')}
    {0},
};
`;
const file = join(root, 'packages/native/build/front-body.h');
mkdirSync(join(root, 'packages/native/build'), { recursive: true });
if (!existsSync(file) || readFileSync(file, 'utf8') !== header) writeFileSync(file, header);
