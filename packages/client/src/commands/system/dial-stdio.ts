import { command, noArgs } from '../../cli/command.ts';
import { dial } from '../../transport/dial.ts';

export default command({
  use: '',
  about: 'Connect standard input and output to the daemon',
  more: 'For connections through ssh; not made to be called by hand.',
  args: noArgs,
  flags: {},
  async run({ cli }) {
    const socket = await dial(await cli.endpoint());
    const { stdin } = process;
    // The end of one direction is passed on and leaves the other open.
    stdin.on('data', (chunk: Buffer) => {
      if (socket.writable && !socket.write(chunk)) {
        stdin.pause();
        socket.once('drain', () => stdin.resume());
      }
    });
    stdin.on('end', () => socket.end());
    stdin.on('error', () => socket.end());
    await new Promise<void>((resolve, reject) => {
      socket.on('data', (chunk: Buffer) => {
        socket.pause();
        cli.out.writeAll(chunk).then(
          () => socket.resume(),
          (error: Error) => {
            socket.destroy();
            reject(error);
          },
        );
      });
      socket.on('end', resolve);
      socket.on('close', resolve);
      socket.on('error', reject);
    });
  },
});
