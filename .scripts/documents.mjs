// Holds the documents for developers to the tree: links lead to files, files and folders that a text names exist, npm's
// scripts too, each package has a README, and READMEs that lay out rooms name all of them. Comments of sources name files
// that exist. Exported functions and classes, and all of the rooms' faces (api.ts), have doc comments.
import { spawnSync } from 'node:child_process';
import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { root } from './lib.mjs';

/** READMEs that describe a layout, and the folder whose folders they have to name. */
const LAYOUTS = {
  'packages/daemon/README.md': ['packages/daemon/src', 'packages/native/c'],
  'packages/client/README.md': ['packages/client/src'],
  'packages/ui/README.md': ['packages/ui/src'],
};
/** A word in backquotes that is a file of this project by its ending, wherever it is. */
const SOURCE = /^\.{0,2}[\w@/.-]+\.(?:ts|tsx|c|h|mjs|cjs|sh|md)$/;
/** Words in backquotes that begin like this are places in this project, folders too. */
const PLACE = /^(?:packages|e2e|\.scripts|\.github|c|native|server|shapes)\/[\w@/.-]*$/;

const listed = spawnSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  cwd: root,
  encoding: 'utf8',
});
// A tree without git (a release's tar) is looked at as it lies.
const files = (
  listed.status === 0
    ? listed.stdout.split('\n')
    : globSync(['*', '.github/*', '.scripts/**', 'e2e/**', 'packages/**'], {
        cwd: root,
        exclude: (path) => path.includes('node_modules'),
      })
).filter((file) => file && existsSync(join(root, file)));
const places = new Set();
for (const file of files)
  for (let path = file; path !== '.'; path = dirname(path))
    // A text may leave out where a path begins: `shapes/create.ts`.
    for (let from = path; from; from = from.includes('/') ? from.slice(from.indexOf('/') + 1) : '')
      places.add(from);

const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const problems = [];

for (const document of files.filter((file) => file.endsWith('.md'))) {
  const text = readFileSync(join(root, document), 'utf8');
  const here = dirname(document);
  for (const [, target] of text.matchAll(/\]\(([^)\s#]+)(?:#[^)\s]*)?\)/g))
    if (!/^[a-z]+:/.test(target) && !existsSync(join(root, here, target)))
      problems.push(`${document}: the link to ${target} leads nowhere`);
  for (const [, word] of text.matchAll(/`([^`\s]+)`/g)) {
    // `NOUN`, `DRIVER`: the reader's own.
    if (/(?:^|\/)[A-Z]{3,}(?:\.[a-z]+)?(?:\/|$)/.test(word) && !word.endsWith('.md')) continue;
    if (!SOURCE.test(word) && !PLACE.test(word)) continue;
    const path = normalize(word).replace(/\/$/, '');
    if (!places.has(path) && !places.has(normalize(join(here, path))))
      problems.push(`${document}: there is no ${word}`);
  }
  for (const [, name] of text.matchAll(/\bnpm run (?:-s )?([a-z]+)\b/g))
    if (!scripts[name]) problems.push(`${document}: package.json has no script ${name}`);
}

/** A file of this project that a comment names; a header with its folder alone, for others are the system's. */
const NAMED =
  /(?<![\w./-])((?:[\w.-]+\/)*[\w-]{3,}(?:\.(?:test|fuzz))?\.(?:tsx?|mjs|c)|(?:[\w-]+\/)+[\w-]+\.h)(?![\w-])/g;
const COMMENT = /\/\*[\s\S]*?\*\/|(?<=^|[^:'"`])\/\/[^\n]*/gm;
/** Files of others, and ones that are made. */
const ELSEWHERE = /^(?:linux|sys|net|netinet|sanitizer|fs)\/|(?:^|\/)front-body\.h$|^[A-Z]+[/.]/;
for (const source of files.filter((file) => /\.(?:tsx?|mjs|c|h)$/.test(file)))
  for (const [comment] of readFileSync(join(root, source), 'utf8').matchAll(COMMENT))
    for (const [, name] of comment.matchAll(NAMED))
      if (
        !ELSEWHERE.test(name) &&
        !places.has(normalize(name)) &&
        !places.has(name.replace(/^(?:\.\.?\/)+/, ''))
      )
        problems.push(`${source}: a comment names ${name}, which does not exist`);

/** The line above a declaration that is documented, or that is another overload of one. */
const DOCUMENTED = /\*\/$|^export (?:async )?function \w+[(<].*;$|^\s+\w+\(.*\): .*;$/;
const EXPORTED = /^export (?:async |abstract )*(?:function\*?|class) (\w+)/;
/** A room's face: all that it declares, and the methods of its interfaces. */
const FACE = /^packages\/(?:daemon\/src\/.*|native\/src)\/api\.ts$/;
const DECLARED = /^export (?:interface|type|const|(?:async )?function|class) (\w+)|^ {2}(\w+)(?:<[^>]*>)?\(/;
for (const source of files.filter(
  (file) => /^packages\/.*\.tsx?$/.test(file) && !/\.test\.tsx?$|\/generated\//.test(file),
)) {
  const pattern = FACE.test(source) ? DECLARED : EXPORTED;
  const lines = readFileSync(join(root, source), 'utf8').split('\n');
  for (const [place, line] of lines.entries()) {
    const found = pattern.exec(line);
    if (!found) continue;
    let above = place - 1;
    while (/^\s*\/\/ biome-ignore/.test(lines[above] ?? '')) above--;
    if (!DOCUMENTED.test(lines[above] ?? ''))
      problems.push(`${source}:${place + 1}: ${found[1] ?? found[2]} has no doc comment`);
  }
}

for (const name of readdirSync(join(root, 'packages')))
  if (!existsSync(join(root, 'packages', name, 'README.md')))
    problems.push(`packages/${name} has no README.md`);
for (const [document, folders] of Object.entries(LAYOUTS)) {
  if (!existsSync(join(root, document))) continue;
  const text = readFileSync(join(root, document), 'utf8');
  for (const folder of folders)
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true }))
      if (entry.isDirectory() && !new RegExp(`(?<![\\w-])${entry.name}/`).test(text))
        problems.push(`${document} does not name ${folder}/${entry.name}/`);
}

for (const problem of problems) process.stderr.write(`${problem}\n`);
if (problems.length > 0) process.exit(1);
