import { existsSync, readFileSync } from 'node:fs';
import { type DescribedOperation, describedOperations } from '@berth/api-spec';
import { Ajv, type ValidateFunction } from 'ajv';
import { responseSchema } from './schema.ts';

/** A response as record.mjs wrote it. */
interface Recorded {
  method: string;
  url: string;
  status: number;
  type?: string;
  body: string;
}

const NEWEST = 52;
/** Problems that are listed of one daemon; the first ones say what is wrong. */
const MOST = 20;

const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false });
const validators = new Map<string, ValidateFunction | undefined>();
const operations = [...describedOperations().values()].map((described) => ({
  described,
  // A name of an image has slashes; that of another path's last part wins.
  pattern: new RegExp(`^${described.path.replaceAll(/\{[^}]+\}/g, '.+')}$`),
  fixed: described.path.replaceAll(/\{[^}]+\}/g, '').length,
}));

/** The faults of the responses in a recorder's file, held against the API document: a line for each. */
export function responseProblems(file: string, most = MOST): string[] {
  if (!existsSync(file)) return [];
  const problems = new Set<string>();
  const lines = new Set(readFileSync(file, 'utf8').split('\n'));
  for (const line of lines) {
    // The last line of a daemon that was killed may be cut.
    if (!line.endsWith('}')) continue;
    for (const problem of problemsOf(JSON.parse(line) as Recorded)) problems.add(problem);
    if (problems.size >= most) break;
  }
  return [...problems];
}

function problemsOf({ method, url, status, type, body }: Recorded): string[] {
  const [, minor, path] = /^(?:\/v1\.(\d+))?(\/[^?]*)/.exec(url) ?? [];
  if (path === undefined) return [];
  const version = minor === undefined ? NEWEST : Number(minor);
  const described = operationOf(method, decodeURI(path));
  // A page that is not found and a version that is not spoken belong to no operation.
  if (!described || version > NEWEST) return [];
  const where = `${described.id} ${status} (1.${version})`;
  const response = described.operation.responses[String(status)];
  if (!response)
    return status === 500 ? [] : [`${where}: the status is not described: ${body.slice(0, 200)}`];
  // A body that a handler writes in answer to HEAD is not sent.
  if (!type?.startsWith('application/json') || status === 304 || method === 'HEAD') return [];
  const validate = validatorOf(described, status, version);
  if (!validate) return [`${where}: JSON is not described: ${body.slice(0, 200)}`];
  const found: string[] = [];
  for (const value of values(body))
    if (!validate(value))
      for (const { instancePath, message, params } of validate.errors ?? [])
        found.push(
          `${where}: ${instancePath.replaceAll(/\/\d+(?=\/|$)/g, '/*')} ${message} ${JSON.stringify(params)}`,
        );
  return found;
}

/** One JSON value, or a stream's values, one a line. */
function values(body: string): unknown[] {
  try {
    return [JSON.parse(body)];
  } catch {
    return body
      .split('\n')
      .filter((line) => line.trim() !== '')
      .flatMap((line) => {
        try {
          return [JSON.parse(line)];
        } catch {
          return [];
        }
      });
  }
}

function operationOf(method: string, path: string): DescribedOperation | undefined {
  return operations
    .filter(({ described, pattern }) => described.method === method && pattern.test(path))
    .sort((a, b) => b.fixed - a.fixed)[0]?.described;
}

function validatorOf(
  described: DescribedOperation,
  status: number,
  version: number,
): ValidateFunction | undefined {
  const key = `${described.id} ${status} ${version}`;
  if (!validators.has(key)) {
    const schema = responseSchema(described, status, version);
    validators.set(key, schema && ajv.compile(schema));
  }
  return validators.get(key);
}
