import { CliError } from '../../base/errors.ts';
import { bool, list, string } from '../../base/flags.ts';
import { between, command } from '../../cli/command.ts';
import { familiarName, parseReference, withDefaultTag } from '../../parse/reference.ts';

export default command({
  use: '[OPTIONS] CONTAINER [REPOSITORY[:TAG]]',
  about: "Create an image from a container's changes",
  aliases: ['berth container commit', 'berth commit'],
  args: between(1, 2),
  flags: {
    author: string('a', 'Author, such as "Jane Doe <jane@example.com>"'),
    change: list('c', 'Apply a Dockerfile instruction to the image'),
    message: string('m', 'Message of the commit'),
    pause: bool('p', 'Freeze the container meanwhile', { initial: true }),
  },
  async run({ cli, flags, args }) {
    const [container, name] = args;
    let image: { repo?: string; tag?: string } = {};
    if (name) {
      const reference = parseReference(name);
      if (reference.digest) throw new CliError('refusing to create a tag with a digest reference');
      image = { repo: familiarName(reference), tag: withDefaultTag(reference).tag };
    }
    const api = await cli.api();
    const { Id } = await api.json<'ImageCommit'>('POST', '/commit', {
      query: {
        container,
        ...image,
        comment: flags.message,
        author: flags.author,
        changes: flags.change,
        pause: flags.pause ? undefined : false,
      },
    });
    cli.print(`${Id}\n`);
  },
});
