/** The part of OpenAPI 3.1 that our document uses. */
export interface Document {
  openapi: string;
  info: { title: string; version: string; description: string };
  tags?: Array<{ name: string; description?: string }>;
  paths: Record<string, PathItem>;
  components: { schemas: Record<string, Schema>; parameters?: Record<string, Parameter> };
}

export type PathItem = Partial<Record<'get' | 'head' | 'post' | 'put' | 'delete', Operation>> & {
  parameters?: Array<Parameter | Reference>;
};

export interface Reference {
  $ref: string;
}

export interface Operation {
  operationId: string;
  tags?: string[];
  summary?: string;
  description?: string;
  parameters?: Array<Parameter | Reference>;
  requestBody?: { required?: boolean; description?: string; content: Record<string, MediaType> };
  responses: Record<string, Response>;
}

export interface Response {
  description?: string;
  headers?: Record<string, { description?: string; schema?: Schema }>;
  content?: Record<string, MediaType>;
  $ref?: string;
}

export interface MediaType {
  schema?: Schema;
}

export interface Parameter {
  name: string;
  in: 'path' | 'query' | 'header';
  required?: boolean;
  description?: string;
  schema: Schema;
  /** The minor API versions from which, and before which, it is heeded. */
  'x-since'?: number;
  'x-until'?: number;
  $ref?: undefined;
}

export interface Schema {
  $ref?: string;
  type?: string | string[];
  description?: string;
  format?: string;
  enum?: unknown[];
  default?: unknown;
  properties?: Record<string, Schema>;
  additionalProperties?: Schema | boolean;
  items?: Schema;
  allOf?: Schema[];
  oneOf?: Schema[];
  anyOf?: Schema[];
  required?: string[];
  minimum?: number;
  maximum?: number;
  /** The minor API version that a member came with: 48 for 1.48. */
  'x-since'?: number;
  /** The minor API version that a member is no more in. */
  'x-until'?: number;
  /** How Go clients call the type, where an error message shows it. */
  'x-go-type'?: string;
  /** The kind of text that it is from the API version on in which such members got types of their own. */
  'x-go-text'?: 'netip.Addr' | 'netip.Prefix' | 'network.HardwareAddr';
  /** The same of a map's keys. */
  'x-go-keys'?: 'network.Port';
  /** How Go clients call the struct. */
  'x-go-name'?: string;
}
