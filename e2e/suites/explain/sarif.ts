import { Ajv } from 'ajv';

const text = { type: 'string', minLength: 1 };
const message = object({ text }, ['text']);
const LEVELS = { enum: ['none', 'note', 'warning', 'error'] };

/** An object of SARIF, which has no members but those of its specification. */
function object(properties: object, required: readonly string[] = Object.keys(properties)): object {
  return { type: 'object', additionalProperties: false, properties, required };
}

const list = (items: object) => ({ type: 'array', items });

const rule = object({
  id: { type: 'string', pattern: '^B[A-Z][0-9]{3}$' },
  shortDescription: message,
  fullDescription: message,
  help: message,
  defaultConfiguration: object({ level: LEVELS }),
  // A bag: any member is allowed. What reads it wants a number from 0.1 to 10.0, as text.
  properties: {
    type: 'object',
    properties: {
      'security-severity': { type: 'string', pattern: '^(?:10\\.0|[0-9]\\.[0-9])$' },
      tags: { ...list(text), uniqueItems: true },
    },
    required: ['security-severity', 'tags'],
  },
});

const location = object({
  // An address relative to the root of a repository: no scheme, no leading slash, no space.
  physicalLocation: object({
    artifactLocation: object({
      uri: { type: 'string', pattern: "^[\\w.~!$&'()*+,;=@%-][\\w.~!$&'()*+,;=@%/-]*$" },
    }),
  }),
  logicalLocations: { ...list(object({ name: text, kind: text })), uniqueItems: true },
});

const result = object({
  ruleId: text,
  ruleIndex: { type: 'integer', minimum: 0 },
  level: LEVELS,
  message,
  locations: { ...list(location), minItems: 1 },
  partialFingerprints: { type: 'object', minProperties: 1, additionalProperties: text },
});

const run = object({
  tool: object({ driver: object({ name: text, rules: { ...list(rule), uniqueItems: true } }) }),
  results: list(result),
});

/** The part of SARIF 2.1.0 (OASIS, section 3) that the audit writes; a member that is not of it is a mistake. */
const valid = new Ajv({ allErrors: true, strict: false }).compile(
  object({
    $schema: { type: 'string', pattern: '^https://' },
    version: { const: '2.1.0' },
    runs: { ...list(run), minItems: 1 },
  }),
);

export interface Sarif {
  runs: Array<{
    tool: { driver: { rules: Array<{ id: string }> } };
    results: Array<{ ruleId: string; ruleIndex: number; partialFingerprints: Record<string, string> }>;
  }>;
}

/** The faults of a SARIF document: of its structure, and rules and results that do not belong together. */
export function sarifProblems(document: Sarif): string[] {
  if (!valid(document)) return valid.errors!.map(({ instancePath, message }) => `${instancePath} ${message}`);
  return document.runs.flatMap(({ tool: { driver }, results }) => {
    const ids = driver.rules.map(({ id }) => id);
    const prints = results.map(({ partialFingerprints }) => JSON.stringify(partialFingerprints));
    return [
      ...ids.filter((id, index) => ids.indexOf(id) !== index).map((id) => `${id} stands twice`),
      ...results
        .filter(({ ruleId, ruleIndex }) => ids[ruleIndex] !== ruleId)
        .map(({ ruleId, ruleIndex }) => `${ruleId} is not rule ${ruleIndex}`),
      ...prints
        .filter((print, index) => prints.indexOf(print) !== index)
        .map((print) => `${print} stands twice`),
    ];
  });
}
