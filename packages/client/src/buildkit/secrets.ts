import { readFileSync, statSync } from 'node:fs';
import { GrpcError } from '@berth/grpc';
import { CliError } from '../base/errors.ts';
import { whyNot } from '../shared/files.ts';
import { attributesOf, isAttributes } from './outputs.ts';

/** As many bytes as BuildKit takes for one secret. */
const MOST_BYTES = 500 * 1024;

/** Gives a secret's bytes when a step asks for it. @throws GrpcError that is "not found" when there is none of that name. */
export type Secrets = (id: string) => Buffer;

/**
 * Reads the `--secret` options: `id=NAME[,src=FILE|,env=VARIABLE]`; without a source it is the variable of that name, or
 * else the file. @throws CliError for an option without an id or a file that is not there.
 */
export function readSecrets(options: readonly string[], env: NodeJS.ProcessEnv): Secrets {
  const sources = new Map<string, () => Buffer>();
  for (const text of options) {
    const {
      id,
      type,
      src,
      source,
      env: variable,
      ...rest
    } = attributesOf(isAttributes(text) ? text : `id=${text}`, 'secret');
    const unknown = Object.keys(rest)[0];
    if (unknown !== undefined) throw new CliError(`unexpected key '${unknown}' in secret '${text}'`);
    if (!id) throw new CliError(`secret ${JSON.stringify(text)} has no id: add id=NAME`);
    if (type !== undefined && type !== 'file' && type !== 'env')
      throw new CliError(`unsupported secret type ${JSON.stringify(type)}: use file or env`);
    const path = type === 'env' ? undefined : (src ?? source);
    const name = variable ?? (type === 'env' ? (src ?? source ?? id) : undefined);
    if (name !== undefined) sources.set(id, () => fromVariable(env, name, id));
    else if (path === undefined && env[id] !== undefined) sources.set(id, () => fromVariable(env, id, id));
    else {
      const file = path ?? id;
      try {
        statSync(file);
      } catch (error) {
        throw new CliError(`failed to stat ${file}: ${whyNot(error)}`);
      }
      sources.set(id, () => readFileSync(file));
    }
  }
  return (id) => {
    const source = sources.get(id);
    if (!source) throw new GrpcError(5, `secret ${id} not found`);
    const bytes = source();
    if (bytes.length > MOST_BYTES) throw new GrpcError(3, `secret ${id} is larger than ${MOST_BYTES} bytes`);
    return bytes;
  };
}

function fromVariable(env: NodeJS.ProcessEnv, name: string, id: string): Buffer {
  const value = env[name];
  if (value === undefined) throw new GrpcError(5, `secret ${id} not found: the variable ${name} is not set`);
  return Buffer.from(value);
}
