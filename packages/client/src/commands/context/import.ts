import { readFileSync } from 'node:fs';
import { CliError, messageOf } from '../../base/errors.ts';
import { command, exactly } from '../../cli/command.ts';
import { type Context, checkContextName, type TlsMaterial } from '../../config/context.ts';
import { contextStore } from '../../shared/contexts.ts';

/** No context is larger, in bytes. */
const largest = 10 << 20;

/** The files of a context's tar archive by their names. */
async function readArchive(bytes: Buffer): Promise<Map<string, Buffer>> {
  const { extract: newExtract } = await import('tar-stream');
  const extract = newExtract();
  const files = new Map<string, Buffer>();
  extract.end(bytes);
  for await (const entry of extract) {
    const chunks: Buffer[] = [];
    for await (const chunk of entry) chunks.push(chunk as Buffer);
    if (entry.header.type === 'file')
      files.set(entry.header.name.replace(/^\.\//, ''), Buffer.concat(chunks));
  }
  return files;
}

export default command({
  use: 'CONTEXT FILE|-',
  about: 'Read a context from a file',
  args: exactly(2),
  flags: {},
  async run({ cli, args }) {
    const [name, source] = args as [string, string];
    const store = contextStore(cli);
    checkContextName(name);
    if (store.has(name)) throw new CliError(`context "${name}" already exists`);
    let bytes: Buffer;
    try {
      bytes = readFileSync(source === '-' ? 0 : source);
    } catch (error) {
      const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
      throw new CliError(missing ? `open ${source}: no such file or directory` : messageOf(error));
    }
    if (bytes.length > largest) throw new CliError(`${source} is too large for a context`);
    if (bytes.subarray(0, 2).toString() === 'PK')
      throw new CliError(`${source} is a zip file; export the context again as a tar archive`);
    const files = await readArchive(bytes).catch(() => {
      throw new CliError('archive/tar: invalid tar header');
    });
    const text = files.get('meta.json');
    if (!text) throw new CliError('invalid context: no metadata found');
    let described: Context;
    try {
      described = JSON.parse(text.toString()) as Context;
    } catch (error) {
      throw new CliError(`invalid context: ${messageOf(error)}`);
    }
    const tls: Record<string, TlsMaterial> = {};
    for (const [path, content] of files) {
      if (path === 'meta.json') continue;
      const parts = path.split('/');
      if (parts.length !== 3 || parts[0] !== 'tls')
        throw new CliError(`invalid context: unexpected file ${path}`);
      const [, endpoint, file] = parts as [string, string, string];
      tls[endpoint] = { ...tls[endpoint], [file]: content };
    }
    store.create(
      { Name: name, Metadata: described.Metadata ?? {}, Endpoints: described.Endpoints ?? {} },
      tls,
    );
    cli.print(`${name}\n`);
    cli.warn(`Successfully imported context "${name}"\n`);
  },
});
