// Bundles packages/api-spec/spec/*.yaml into one OpenAPI document and makes its types. Runs on the pinned Node.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fail, root } from './lib.mjs';

const folder = join(root, 'packages/api-spec');
const generated = join(folder, 'generated');
const files = readdirSync(join(folder, 'spec'))
  .filter((name) => name.endsWith('.yaml'))
  .sort();
const texts = files.map((name) => readFileSync(join(folder, 'spec', name), 'utf8'));

// Making the types takes a second: nothing is done when no input changed.
const hash = createHash('sha256').update(readFileSync(import.meta.filename));
for (const [index, text] of texts.entries()) hash.update(`${files[index]}\0${text}\0`);
const stamp = hash.digest('hex');
const stampFile = join(generated, '.stamp');
if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) process.exit(0);

const require = createRequire(join(folder, 'package.json'));
const { parseDocument } = require('yaml');
const document = {
  openapi: '3.1.0',
  info: {
    title: 'Berth',
    version: '1.52',
    description:
      'The API of berthd: the Docker Engine API, versions 1.24 to 1.52. Every path may begin with a version (`/v1.47/info`); without one the newest is meant. Errors are JSON: `{"message": "what is wrong"}`.',
    license: { name: 'Apache 2.0', identifier: 'Apache-2.0' },
  },
  servers: [{ url: '/', description: 'The daemon that serves this document, at the newest version' }],
  // A socket of the host is guarded by its owner and mode, one of the network by certificates of both sides.
  security: [{}, { certificate: [] }],
  tags: [],
  paths: {},
  components: {
    schemas: {},
    parameters: {},
    securitySchemes: {
      certificate: {
        type: 'mutualTLS',
        description:
          'On the network a client shows a certificate of the authority that the daemon was given (`--tlsverify`).',
      },
    },
  },
};
const parts = texts.map((text, index) => {
  const parsed = parseDocument(text);
  if (parsed.errors.length > 0) fail(`spec/${files[index]}: ${parsed.errors[0].message}`);
  return parsed.toJS() ?? {};
});
for (const [index, part] of parts.entries()) {
  // NOUN-PART.yaml goes on with NOUN.yaml, under its tag.
  const noun = files[index].replace(/(-\w+)?\.yaml$/, '');
  const own = files[index] === `${noun}.yaml`;
  const { tags = [{ name: noun }] } = own ? part : (parts[files.indexOf(`${noun}.yaml`)] ?? {});
  if (own) document.tags.push(...tags);
  for (const [path, item] of Object.entries(part.paths ?? {})) {
    document.paths[path] ??= {};
    for (const [method, operation] of Object.entries(item)) {
      if (document.paths[path][method]) fail(`spec/${files[index]}: ${method} ${path} is described twice`);
      document.paths[path][method] =
        method === 'parameters' ? operation : { tags: [tags[0].name], ...operation };
    }
  }
  for (const kind of ['schemas', 'parameters']) {
    for (const [name, schema] of Object.entries(part.components?.[kind] ?? {})) {
      const known = document.components[kind][name];
      if (known && JSON.stringify(known) !== JSON.stringify(schema))
        fail(`spec/${files[index]}: components.${kind}.${name} is already described differently`);
      document.components[kind][name] = schema;
    }
  }
}
checkReferences(document);
for (const item of Object.values(document.paths))
  for (const [method, { responses }] of Object.entries(item))
    if (method !== 'parameters')
      // The version of a path and the values of parameters are checked before the operation is.
      responses['400'] ??= {
        description: 'A version that is not spoken, or a wrong value.',
        content: { 'application/json': { schema: { $ref: '#/components/schemas/ErrorResponse' } } },
      };

describeVersions(document);

mkdirSync(generated, { recursive: true });
write('openapi.json', `${JSON.stringify(document, null, 2)}\n`);
// Parsing a string is several times faster than evaluating the same object literal.
// The daemon decodes requests without the prose, and reads the whole when somebody asks for the document.
writeDocument('document.ts', withoutProse(document));
writeDocument('described.ts', document);
const { default: openapi, astToString } = require('openapi-typescript');
const { factory, SyntaxKind } = createRequire(join(root, 'package.json'))('typescript');
/** An object that nothing is said of is `object`; by default it would be one that has no members. */
const transform = ({ type, properties, additionalProperties, allOf }) =>
  type === 'object' && !properties && !additionalProperties && !allOf
    ? factory.createKeywordTypeNode(SyntaxKind.ObjectKeyword)
    : undefined;
write(
  'types.ts',
  `// Generated from spec/*.yaml by openapi-typescript.\n${astToString(await openapi(document, { transform }))}`,
);
const routes = Object.entries(document.paths).flatMap(([path, item]) =>
  Object.entries(item)
    .filter(([method]) => method !== 'parameters')
    .map(
      ([method, { operationId }]) =>
        `  ${operationId}: { method: '${method.toUpperCase()}'; path: \`${path.replaceAll(/\{[^}]+\}/g, '${string}')}\` };\n`,
    ),
);
write(
  'routes.ts',
  `/** The path and method of each operation. Generated from spec/*.yaml by .scripts/generate-api.mjs. */\nexport interface Routes {\n${routes.join('')}}\n`,
);
write('.stamp', stamp);

function writeDocument(name, value) {
  write(
    name,
    `import type { Document } from '../src/model.ts';

/** Generated from spec/*.yaml by .scripts/generate-api.mjs. */
export const document = JSON.parse(
  ${JSON.stringify(JSON.stringify(value))},
) as Document;
`,
  );
}

/** Adds to the prose of a member that not every version has which ones have it. */
function describeVersions(node) {
  if (node === null || typeof node !== 'object') return;
  const since = node['x-since'];
  const until = node['x-until'];
  const versions = [
    ...(since === undefined ? [] : [`from 1.${since} on`]),
    ...(until === undefined ? [] : [`before 1.${until}`]),
  ].join(', ');
  if (versions !== '') node.description = `${node.description} (${versions})`;
  for (const child of Object.values(node)) describeVersions(child);
}

/** The document without descriptions and summaries; a member of `properties` may have such a name. */
function withoutProse(node, names = false) {
  if (node === null || typeof node !== 'object') return node;
  if (Array.isArray(node)) return node.map((item) => withoutProse(item));
  return Object.fromEntries(
    Object.entries(node)
      .filter(
        ([key, value]) => names || !['description', 'summary'].includes(key) || typeof value !== 'string',
      )
      .map(([key, value]) => [key, withoutProse(value, key === 'properties')]),
  );
}

function write(name, text) {
  writeFileSync(join(generated, `.${name}.new`), text);
  renameSync(join(generated, `.${name}.new`), join(generated, name));
}

function checkReferences(node) {
  if (node === null || typeof node !== 'object') return;
  if (typeof node.$ref === 'string') {
    const target = node.$ref
      .replace(/^#\//, '')
      .split('/')
      .reduce((at, key) => at?.[key.replaceAll('~1', '/').replaceAll('~0', '~')], document);
    if (target === undefined) fail(`the API document has no ${node.$ref}`);
  }
  for (const child of Object.values(node)) checkReferences(child);
}
