import { type DescribedOperation, describedOperations, type Schema, schemaLookup } from '@berth/api-spec';

const lookup = schemaLookup();

/**
 * Members that a client may send. Of these `x-since` says when the daemon began to heed them; what is set is shown to
 * older clients as well, as dockerd does.
 */
const settings = new Set<Schema>();
for (const { operation } of describedOperations().values())
  for (const { schema } of Object.values(operation.requestBody?.content ?? {})) if (schema) collect(schema);

function collect(given: Schema): void {
  const { properties, items, additionalProperties } = merged(given);
  for (const member of Object.values(properties ?? {})) {
    if (settings.has(member)) continue;
    settings.add(member);
    collect(member);
  }
  if (items) collect(items);
  if (typeof additionalProperties === 'object') collect(additionalProperties);
}

/**
 * The schema of a JSON response as an API version has it: members that came later (`x-since`) or went before (`x-until`)
 * are no part of it, and an object has no member that is not described. Undefined where no JSON is described.
 */
export function responseSchema(
  { operation }: DescribedOperation,
  status: number,
  version: number,
): Schema | undefined {
  const schema = operation.responses[String(status)]?.content?.['application/json']?.schema;
  return schema && at(schema, version);
}

function at(given: Schema, version: number): Schema {
  const schema = merged(given);
  const { properties, additionalProperties, items, oneOf, anyOf, required, ...rest } = schema;
  const result: Schema = { ...rest };
  if (items) result.items = at(items, version);
  if (oneOf) result.oneOf = oneOf.map((one) => at(one, version));
  if (anyOf) result.anyOf = anyOf.map((one) => at(one, version));
  if (additionalProperties !== undefined)
    result.additionalProperties =
      typeof additionalProperties === 'object' ? at(additionalProperties, version) : additionalProperties;
  if (properties) {
    const there = Object.entries(properties).filter(([, member]) => isThere(member, version));
    result.properties = Object.fromEntries(there.map(([name, member]) => [name, at(member, version)]));
    result.additionalProperties ??= false;
    const needed = required?.filter((name) => result.properties?.[name]);
    if (needed && needed.length > 0) result.required = needed;
  }
  return result;
}

function isThere(member: Schema, version: number): boolean {
  if (settings.has(member)) return true;
  return version >= (member['x-since'] ?? 0) && version < (member['x-until'] ?? Number.POSITIVE_INFINITY);
}

/** A schema with its references resolved and the parts of `allOf` as one. */
function merged(given: Schema): Schema {
  let schema = given;
  while (schema.$ref !== undefined) schema = { ...lookup.ref(schema.$ref), ...without(schema) };
  if (!schema.allOf) return schema;
  const { allOf, ...own } = schema;
  const parts = [...allOf.map(merged), own];
  return {
    ...Object.assign({}, ...parts),
    properties: Object.assign({}, ...parts.map(({ properties }) => properties)),
    required: parts.flatMap(({ required }) => required ?? []),
  };
}

function without({ $ref: _, ...rest }: Schema): Schema {
  return rest;
}
