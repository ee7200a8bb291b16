import { CliError, messageOf } from '../../base/errors.ts';
import { bool } from '../../base/flags.ts';
import type { Cli } from '../../cli/cli.ts';
import { atLeast, command } from '../../cli/command.ts';
import { type ContextStore, defaultContext } from '../../config/context.ts';
import { currentContext } from '../../config/resolve.ts';
import { contextStore } from '../../shared/contexts.ts';

export default command({
  use: 'CONTEXT [CONTEXT...]',
  about: 'Remove contexts',
  aliases: ['berth context rm', 'berth context remove'],
  args: atLeast(1),
  flags: { force: bool('f', 'Even the one in use') },
  async run({ cli, flags, args }) {
    const store = contextStore(cli);
    const failures: string[] = [];
    for (const name of args)
      try {
        if (name === defaultContext) throw new CliError('default: context "default" cannot be removed');
        removeOne(cli, store, name, flags.force);
        cli.print(`${name}\n`);
      } catch (error) {
        failures.push(messageOf(error));
      }
    if (failures.length) throw new CliError(failures.join('\n'));
  },
});

function removeOne(cli: Cli, store: ContextStore, name: string, force: boolean): void {
  if (!store.has(name)) {
    if (force) return;
    throw new CliError(`context "${name}" does not exist`);
  }
  if (name === currentContext(cli)) {
    if (!force) throw new CliError(`context "${name}" is in use, set -f flag to force remove`);
    if (store.chosen() === name) store.use(defaultContext);
  }
  store.remove(name);
}
