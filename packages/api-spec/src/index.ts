import { document } from '../generated/document.ts';
import type { Document, Operation, Parameter, Schema } from './model.ts';

export type { Routes } from '../generated/routes.ts';
export type { components, operations, paths } from '../generated/types.ts';
export * from './model.ts';
export type * from './types.ts';
export { document };

const METHODS = ['get', 'head', 'post', 'put', 'delete'] as const;

/** An operation of the document with where it is. */
export interface DescribedOperation {
  id: string;
  method: Uppercase<(typeof METHODS)[number]>;
  path: string;
  operation: Operation;
  parameters: Parameter[];
}

/** All operations, by operationId. */
export function describedOperations(described: Document = document): Map<string, DescribedOperation> {
  const found = new Map<string, DescribedOperation>();
  for (const [path, item] of Object.entries(described.paths)) {
    for (const method of METHODS) {
      const operation = item[method];
      if (!operation) continue;
      found.set(operation.operationId, {
        id: operation.operationId,
        method: method.toUpperCase() as Uppercase<typeof method>,
        path,
        operation,
        parameters: [...(item.parameters ?? []), ...(operation.parameters ?? [])].map((parameter) =>
          parameter.$ref === undefined
            ? (parameter as Parameter)
            : (at(described, parameter.$ref) as Parameter),
        ),
      });
    }
  }
  return found;
}

/** Finds what a `$ref` names, and the names of the document's schemas. */
export interface SchemaLookup {
  ref(reference: string): Schema;
  /** The name of one of components/schemas; undefined for a schema within another. */
  nameOf(schema: Schema): string | undefined;
}

/** A lookup in the document, each reference resolved once. */
export function schemaLookup(described: Document = document): SchemaLookup {
  const known = new Map<string, Schema>();
  const names = new Map<Schema, string>();
  for (const [name, schema] of Object.entries(described.components.schemas)) names.set(schema, name);
  return {
    ref(reference) {
      let schema = known.get(reference);
      if (!schema) {
        schema = at(described, reference) as Schema;
        known.set(reference, schema);
      }
      return schema;
    },
    nameOf: (schema) => schema['x-go-name'] ?? names.get(schema),
  };
}

function at(described: Document, reference: string): unknown {
  let node: unknown = described;
  for (const part of reference.replace(/^#\//, '').split('/'))
    node = (node as Record<string, unknown>)?.[part.replaceAll('~1', '/').replaceAll('~0', '~')];
  if (node === undefined) throw new Error(`the API document has no ${reference}`);
  return node;
}
