import { jsonProblem, parseJson } from '../../../base/go-json.ts';

/*
 * The answers of plugins (https://www.cni.dev/docs/spec/#success): programs of others, whose answers are kept with the pod and
 * handed to the plugins behind them.
 */

type Members = Record<string, unknown>;

/** The result, or the error, that a plugin wrote; {} for nothing. @throws Error saying what is wrong with it */
export function resultOf(text: string): Members {
  if (text === '') return {};
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (error) {
    throw new Error(`its answer is no JSON (${jsonProblem(text, error).message})`);
  }
  if (!isObject(value)) throw new Error('its answer is no object');
  for (const [name, check] of Object.entries(MEMBERS)) {
    const given = Object.hasOwn(value, name) ? value[name] : undefined;
    if (given !== undefined && given !== null && !check(given))
      throw new Error(`${name} of its answer is not as the specification has it`);
  }
  return value;
}

const isObject = (value: unknown): value is Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isText = (value: unknown) => typeof value === 'string';
const listOf = (member: string) => (value: unknown) =>
  Array.isArray(value) && value.every((one) => isObject(one) && isText(one[member]));
/** `ip4` and `ip6`, of before version 0.3. */
const older = (value: unknown) => isObject(value) && isText(value['ip']);

const MEMBERS: Record<string, (value: unknown) => boolean> = {
  cniVersion: isText,
  interfaces: listOf('name'),
  ips: listOf('address'),
  routes: listOf('dst'),
  ip4: older,
  ip6: older,
  dns: isObject,
};
