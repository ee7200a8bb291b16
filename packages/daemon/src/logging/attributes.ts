import { systemError } from '../base/errors.ts';
import { compileExpression } from '../patterns/expression.ts';
import { Slices } from '../patterns/slices.ts';

/** The facts of a container that log drivers may tell. */
export interface LogSubject {
  id: string;
  name: string;
  imageId: string;
  imageName: string;
  /** The time of the container's creation, as RFC 3339. */
  created: string;
  path: string;
  args: readonly string[];
  labels: Record<string, string>;
  env: readonly string[];
}

/** How the failure of a driver to be set up is told. */
export const initFailed = (why: string, cause?: unknown) =>
  systemError(`failed to create task for container: failed to initialize logging driver: ${why}`, cause);

/**
 * The labels and variables that the options `labels`, `labels-regex`, `env` and `env-regex` choose.
 * @throws system for an expression that is none
 */
export async function chosenAttributes(
  options: Record<string, string>,
  subject: Pick<LogSubject, 'labels' | 'env'>,
): Promise<Record<string, string>> {
  const attributes: Record<string, string> = {};
  const environment: Record<string, string> = {};
  for (const entry of subject.env) {
    const equals = entry.indexOf('=');
    if (equals !== -1) environment[entry.slice(0, equals)] = entry.slice(equals + 1);
  }
  await pick(attributes, subject.labels, options['labels'], options['labels-regex']);
  await pick(attributes, environment, options['env'], options['env-regex']);
  return attributes;
}

async function pick(
  into: Record<string, string>,
  from: Record<string, string>,
  names: string | undefined,
  pattern: string | undefined,
): Promise<void> {
  for (const name of names?.split(',') ?? []) if (Object.hasOwn(from, name)) into[name] = from[name]!;
  if (!pattern) return;
  const matches = await compileExpression(pattern).catch((error: Error) => {
    throw initFailed(error.message, error);
  });
  const slices = new Slices();
  for (const [name, value] of Object.entries(from)) {
    if (slices.due()) await slices.next();
    if (matches(name)) into[name] = value;
  }
}
