import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { CliError } from '../base/errors.ts';
import { folderSource, remoteContext } from '../build/source.ts';
import { stdinContext } from '../build/stdin.ts';
import { cut } from '../parse/csv.ts';
import { stdinStream, whyNot } from '../shared/files.ts';
import type { BuildKitFlags } from './flags.ts';

/** The sources of a build's files: what the front end is told, and what the session offers. */
export interface Contexts {
  attributes: Record<string, string>;
  folders: Record<string, string>;
  upload?: AsyncIterable<Buffer>;
  /** A name for the context that is the same in each build of it. */
  shared: string;
  close(): void;
}

/** Finds the context, the Dockerfile and the named contexts of a build. @throws CliError where one is not there. */
export async function findContexts(argument: string, flags: BuildKitFlags): Promise<Contexts> {
  const found: Contexts = { attributes: {}, folders: {}, shared: argument, close: () => undefined };
  try {
    await findMain(argument, flags.file, found);
    for (const text of flags['build-context']) addNamed(text, found);
  } catch (error) {
    found.close();
    throw error;
  }
  return found;
}

async function findMain(argument: string, file: string, found: Contexts): Promise<void> {
  const { attributes, folders } = found;
  if (argument === '-') {
    const { body, dockerfile, text } = await stdinContext(stdinStream(), file);
    if (text === undefined) {
      attributes['context'] = 'http://buildkit-session/context';
      attributes['filename'] = dockerfile;
      found.upload = body;
    } else {
      const folder = temporary(found);
      folders['context'] = join(folder, 'empty');
      mkdirSync(folders['context']);
      ownDockerfile(text, folder, found);
    }
    return;
  }
  const remote = remoteContext(argument);
  if (remote) {
    attributes['context'] = remote;
    if (file === '-') ownDockerfile(readFileSync(0), temporary(found), found, 'dockerfilekey');
    else if (file) attributes['filename'] = file;
    return;
  }
  const source = folderSource(argument, file, () => readFileSync(0));
  folders['context'] = source.folder;
  found.shared = source.folder;
  if (source.dockerfile !== undefined) {
    folders['dockerfile'] = dirname(join(source.folder, source.dockerfile));
    attributes['filename'] = basename(source.dockerfile);
  } else if (file !== '-') {
    folders['dockerfile'] = dirname(resolve(file));
    attributes['filename'] = basename(file);
  } else ownDockerfile(source.dockerfileText!, temporary(found), found);
}

/** A Dockerfile that is no file of the user's is offered from a folder of its own. */
function ownDockerfile(text: Buffer, folder: string, found: Contexts, key?: string): void {
  const own = join(folder, 'dockerfile');
  mkdirSync(own);
  writeFileSync(join(own, 'Dockerfile'), text);
  found.folders['dockerfile'] = own;
  found.attributes['filename'] = 'Dockerfile';
  if (key) found.attributes[key] = 'dockerfile';
}

function temporary(found: Contexts): string {
  const folder = mkdtempSync(join(tmpdir(), 'berth-build-'));
  found.close = () => rmSync(folder, { recursive: true, force: true });
  return folder;
}

/** `--build-context name=value`: a folder, or what the builder itself fetches. */
function addNamed(text: string, found: Contexts): void {
  const [name, value] = cut(text, '=');
  if (!value) throw new CliError(`invalid context value: ${text}, expected key=value`);
  if (/^(docker-image|oci-layout|target|input):/.test(value) || remoteContext(value)) {
    if (value.startsWith('oci-layout://'))
      throw new CliError(
        `named context ${name}: oci-layout contexts are not supported: load the image and use docker-image://`,
      );
    found.attributes[`context:${name}`] = value;
    return;
  }
  const folder = resolve(value);
  if (!existsSync(folder))
    throw new CliError(`failed to get build context ${name}: stat ${value}: no such file or directory`);
  if (!statSync(folder).isDirectory())
    throw new CliError(`failed to get build context ${name}: ${value} is not a directory`);
  found.folders[name] = folder;
  found.attributes[`context:${name}`] = `local:${name}`;
}

/** Writes a file of results. @throws CliError with the reason where it cannot be written. */
export function writeResult(path: string, text: string): void {
  try {
    writeFileSync(path, text, { mode: 0o666 });
  } catch (error) {
    throw new CliError(`open ${relative('.', path) || path}: ${whyNot(error)}`);
  }
}
