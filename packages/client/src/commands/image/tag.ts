import { CliError, messageOf } from '../../base/errors.ts';
import { command, exactly } from '../../cli/command.ts';
import { familiarName, parseReference, type Reference, withDefaultTag } from '../../parse/reference.ts';

export default command({
  use: 'SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]',
  about: 'Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE',
  aliases: ['berth image tag', 'berth tag'],
  args: exactly(2),
  flags: {},
  async run({ cli, args }) {
    const [source, target] = args as [string, string];
    if (!/^(sha256:)?[a-f0-9]{64}$/.test(source)) parsed(source);
    const reference = parsed(target);
    if (reference.digest) throw new CliError('refusing to create a tag with a digest reference');
    const { tag } = withDefaultTag(reference);
    const api = await cli.api();
    await api.done<'ImageTag'>('POST', `/images/${source}/tag`, {
      query: { repo: familiarName(reference), tag },
    });
  },
});

function parsed(text: string): Reference {
  try {
    return parseReference(text);
  } catch (error) {
    throw new CliError(
      `Error parsing reference: ${JSON.stringify(text)} is not a valid repository/tag: ${messageOf(error)}`,
    );
  }
}
