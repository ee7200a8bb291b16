import { Buffer } from 'node:buffer';
import { closeSync, openSync, writeSync } from 'node:fs';
import { CliError, messageOf } from '../../base/errors.ts';
import { between, command } from '../../cli/command.ts';
import { defaultContext } from '../../config/context.ts';
import { contextStore, defaultAsContext } from '../../shared/contexts.ts';

export default command({
  use: '[OPTIONS] CONTEXT [FILE|-]',
  about: 'Write a context to a file or to standard output',
  args: between(1, 2),
  flags: {},
  async run({ cli, args }) {
    const name = args[0]!;
    const target = args[1] ?? `${name}.dockercontext`;
    const store = contextStore(cli);
    const context = name === defaultContext ? defaultAsContext(cli) : store.get(name);
    const keys = name === defaultContext ? {} : store.tls(name);
    if (target === '-' && cli.stdoutIsTerminal)
      throw new CliError('cowardly refusing to export to a terminal, specify a file path');
    const { pack: newPack } = await import('tar-stream');
    const pack = newPack();
    pack.entry({ name: 'meta.json', mode: 0o644 }, JSON.stringify(context));
    pack.entry({ name: 'tls', type: 'directory', mode: 0o700 });
    for (const [endpoint, files] of Object.entries(keys)) {
      pack.entry({ name: `tls/${endpoint}`, type: 'directory', mode: 0o700 });
      for (const [file, content] of Object.entries(files))
        pack.entry({ name: `tls/${endpoint}/${file}`, mode: 0o600 }, content);
    }
    pack.finalize();
    const chunks: Buffer[] = [];
    for await (const chunk of pack) chunks.push(chunk as Buffer);
    const archive = Buffer.concat(chunks);
    if (target === '-') {
      await cli.out.writeAll(archive);
      return;
    }
    try {
      // Keys are in it: for the owner alone, and never over another file.
      const fd = openSync(target, 'wx', 0o600);
      writeSync(fd, archive);
      closeSync(fd);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST')
        throw new CliError(`open ${target}: file exists`);
      throw new CliError(messageOf(error));
    }
    cli.warn(`Written file "${target}"\n`);
  },
});
