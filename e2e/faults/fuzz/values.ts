import { type Schema, schemaLookup } from '@berth/api-spec';
import type { Random } from '../random.ts';

/** A value as the schema has it, most members left out; somewhere in it one that is wrong. */
export function value(random: Random, schema: Schema, depth: number): unknown {
  const found = resolved(schema);
  if (depth > 5 || random.chance(0.25)) return bad(random);
  const own = members(found);
  const names = Object.keys(own);
  if (names.length > 0) {
    const chosen = Array.from({ length: random.between(1, 4) }, () => random.pick(names));
    return Object.fromEntries(chosen.map((name) => [name, value(random, own[name]!, depth + 1)]));
  }
  const type = [found.type].flat()[0];
  if (found.enum && random.chance(0.5)) return random.pick(found.enum);
  if (found.items)
    return Array.from({ length: random.between(1, 3) }, () => value(random, found.items!, depth + 1));
  if (typeof found.additionalProperties === 'object')
    return { [String(bad(random)).slice(0, 300)]: value(random, found.additionalProperties, depth + 1) };
  if (type === 'string')
    return random.pick(['x', 'bridge', '80/tcp', '/tmp', '10.0.0.0/8', '1m', 'none', bad(random)]);
  if (type === 'integer' || type === 'number') return random.pick([0, 1, -1, 7, 65_536, bad(random)]);
  if (type === 'boolean') return random.pick([true, false, bad(random)]);
  return bad(random);
}

function members(schema: Schema): Record<string, Schema> {
  const found = resolved(schema);
  return Object.assign({}, ...(found.allOf ?? []).map(members), found.properties ?? {});
}

/** Values that fit no member, or fit it in a way that nobody means. */
export function bad(random: Random): unknown {
  return random.pick<() => unknown>([
    () => null,
    () => true,
    () => '',
    () => 'x',
    () => 0,
    () => -1,
    () => 1.5,
    () => 2 ** 63,
    () => -(2 ** 63),
    () => 1e308,
    () => [],
    () => {},
    () => [null],
    () => ['x', null, 1],
    () => ({}),
    () => ({ x: null }),
    () => ({ __proto__x: 1, constructor: { prototype: 1 } }),
    () => 'x'.repeat(random.pick([300, 5000, 70_000])),
    () => 'a\0b',
    () => '\u202eÄ😀\ud800',
    () => '../../etc/passwd',
    () => '/',
    () => '%s%n${x}{{.}}',
    () => '-1',
    () => '99999999999999999999',
    () => '1e5',
    () => 'a=b=c',
    () => ':::',
    () => `${'a/'.repeat(200)}b`,
    () => nested(random.pick([10, 1000, 5000])),
    () => Array.from({ length: 3000 }, (_, index) => `a${index}`),
    () => Object.fromEntries(Array.from({ length: 3000 }, (_, index) => [`a${index}`, ''])),
  ])();
}

function nested(depth: number): unknown {
  let value: unknown = 'x';
  for (let level = 0; level < depth; level++) value = level % 2 ? [value] : { a: value };
  return value;
}

export function resolved(schema: Schema): Schema {
  let found = schema;
  while (found.$ref !== undefined) found = lookup.ref(found.$ref);
  return found;
}

const lookup = schemaLookup();
