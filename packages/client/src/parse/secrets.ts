import { csvFields, cut } from './csv.ts';

/** A file of a secret or config in a container, as `--secret` and `--config` name it. */
export interface KeptFile {
  reference: string;
  file: { Name?: string; UID?: string; GID?: string; Mode?: number };
}

/** The value of `--secret` and `--config`: `NAME[,target=PATH,uid=N,gid=N,mode=OCTAL]`, or with `source=NAME`. */
export function parseKeptFile(text: string): KeptFile {
  const found: KeptFile = { reference: '', file: {} };
  for (const field of csvFields(text)) {
    const [key, value] = cut(field, '=');
    if (value === undefined && found.reference === '') found.reference = key;
    else if (key === 'source' || key === 'src') found.reference = value ?? '';
    else if (key === 'target') found.file.Name = value ?? '';
    else if (key === 'uid') found.file.UID = value ?? '';
    else if (key === 'gid') found.file.GID = value ?? '';
    else if (key === 'mode') {
      if (!/^0?[0-7]{1,4}$/.test(value ?? ''))
        throw new Error(`invalid mode specified: ${JSON.stringify(value)} is no octal number`);
      found.file.Mode = Number.parseInt(value!, 8);
    } else throw new Error(`invalid field in ${JSON.stringify(text)}: ${key}`);
  }
  if (found.reference === '') throw new Error('source is required');
  return found;
}
