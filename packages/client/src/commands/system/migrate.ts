import { CliError } from '../../base/errors.ts';
import { bool, string } from '../../base/flags.ts';
import { command, noArgs } from '../../cli/command.ts';
import { DockerRoot } from '../../migrate/docker-root.ts';
import { Migration } from '../../migrate/take.ts';

export default command({
  use: '[OPTIONS]',
  about: "Take over images, volumes, networks and containers from dockerd's data",
  more: `Reads the data root of a dockerd on this machine, stopped or running, and changes nothing in it. What is here already, by
its name, stays as it is, so that it can be called again. The files of volumes are copied, without taking room where the
file system shares blocks (btrfs, XFS); layers of images are read once each, and checked by their digests.

A container is created, not started; what it changed in its files becomes a layer of an image berth-migrated/NAME. Its
log, its health and its exit code stay behind. Networks need subnets that are free: stop dockerd first.`,
  args: noArgs,
  flags: {
    from: string('', 'The data root of dockerd', { initial: '/var/lib/docker' }),
    containerd: string(
      '',
      "The data root of dockerd's containerd, when it is neither dockerd's own nor the system's",
    ),
    'dry-run': bool('', 'Say what would be taken, and take nothing'),
    images: bool('', 'Take images', { initial: true }),
    volumes: bool('', 'Take volumes', { initial: true }),
    networks: bool('', 'Take networks', { initial: true }),
    containers: bool('', 'Take containers', { initial: true }),
  },
  async run({ cli, flags }) {
    const api = await cli.api();
    if (api.endpoint.scheme !== 'unix')
      throw new CliError(
        'migrate reads the data of this machine: the daemon must be one of this machine too',
      );
    if (process.geteuid?.() !== 0) throw new CliError("dockerd's data is root's: run this as root");
    const migration = new Migration(cli, api, { ...flags, dryRun: flags['dry-run'] });
    const root = new DockerRoot(flags.from, flags.containerd, migration.cannot);
    for (const driver of root.otherDrivers())
      migration.cannot(
        `images and containers of the storage driver ${driver}`,
        `only those of overlay2 and of containerd's store can be read; bring them over by 'docker save' and 'berth load'`,
      );
    await migration.run(root);
    cli.print(`${migration.summary()}\n`);
    if (migration.obstacles.length) throw new CliError('', 1);
  },
});
