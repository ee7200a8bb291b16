import { bool } from '../../base/flags.ts';
import { command, exactly } from '../../cli/command.ts';

export default command({
  use: '[OPTIONS] NETWORK CONTAINER',
  about: 'Disconnect a container from a network',
  args: exactly(2),
  flags: { force: bool('f', 'Disconnect the container whatever is wrong with it') },
  async run({ cli, flags, args }) {
    const [network, container] = args;
    const api = await cli.api();
    await api.done<'NetworkDisconnect'>('POST', `/networks/${network}/disconnect`, {
      body: { Container: container, Force: flags.force },
    });
  },
});
