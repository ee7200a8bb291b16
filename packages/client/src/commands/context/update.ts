import { string } from '../../base/flags.ts';
import { command, exactly } from '../../cli/command.ts';
import { contextStore, dockerFlag, dockerFlagHelp, endpointOf } from '../../shared/contexts.ts';

export default command({
  use: '[OPTIONS] CONTEXT',
  about: 'Change a context',
  more: dockerFlagHelp,
  args: exactly(1),
  flags: {
    description: string('', 'What it is for'),
    docker: dockerFlag,
  },
  async run({ cli, flags, given, args }) {
    const name = args[0]!;
    const store = contextStore(cli);
    const context = store.get(name);
    const tls = store.tls(name);
    if (flags.description) context.Metadata.Description = flags.description;
    if (given.has('docker')) {
      const found = endpointOf(store, flags.docker);
      context.Endpoints['docker'] = found.endpoint;
      tls['docker'] = found.tls;
    }
    store.update(context, tls);
    cli.print(`${name}\n`);
    cli.warn(`Successfully updated context "${name}"\n`);
  },
});
