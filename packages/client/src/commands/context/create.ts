import { CliError } from '../../base/errors.ts';
import { string } from '../../base/flags.ts';
import { command, exactly } from '../../cli/command.ts';
import { checkContextName, defaultContext, type TlsMaterial } from '../../config/context.ts';
import { currentContext } from '../../config/resolve.ts';
import {
  contextStore,
  defaultAsContext,
  defaultDescription,
  dockerFlag,
  dockerFlagHelp,
  endpointOf,
} from '../../shared/contexts.ts';

export default command({
  use: '[OPTIONS] CONTEXT',
  about: 'Create a context',
  more: dockerFlagHelp,
  args: exactly(1),
  flags: {
    description: string('', 'What it is for'),
    docker: dockerFlag,
    from: string('', 'Copy this context'),
  },
  async run({ cli, flags, given, args }) {
    const name = args[0]!;
    const store = contextStore(cli);
    checkContextName(name);
    if (store.has(name)) throw new CliError(`context "${name}" already exists`);
    let endpoints = defaultAsContext(cli).Endpoints;
    let tls: Record<string, TlsMaterial> = {};
    let description = flags.description;
    if (given.has('docker')) {
      const found = endpointOf(store, flags.docker);
      endpoints = { docker: found.endpoint };
      tls = { docker: found.tls };
    } else {
      // Without any of both it is a copy of the one in use.
      const from = flags.from || currentContext(cli);
      if (from === defaultContext) description ||= defaultDescription;
      else {
        const source = store.get(from);
        endpoints = source.Endpoints;
        tls = store.tls(from);
        description ||= source.Metadata.Description ?? '';
      }
    }
    store.create(
      { Name: name, Metadata: description ? { Description: description } : {}, Endpoints: endpoints },
      tls,
    );
    cli.print(`${name}\n`);
    cli.warn(`Successfully created context "${name}"\n`);
  },
});
