import { anyArgs, command } from '../../cli/command.ts';
import { defaultContext } from '../../config/context.ts';
import { currentContext } from '../../config/resolve.ts';
import { contextStore, defaultAsContext } from '../../shared/contexts.ts';
import { inspectFormatFlag } from '../../shared/formats.ts';
import { inspectAll } from '../../shared/inspect.ts';

/** As Go's encoder does in this one place. */
const escapeHtml = (json: string): string =>
  json.replace(/[<>&]/g, (char) => `\\u00${char.charCodeAt(0).toString(16)}`);

export default command({
  use: '[OPTIONS] [CONTEXT] [CONTEXT...]',
  about: 'Show all details of contexts',
  args: anyArgs,
  flags: { format: inspectFormatFlag() },
  async run({ cli, flags, args }) {
    const store = contextStore(cli);
    await inspectAll(cli, args.length ? args : [currentContext(cli)], flags.format, async (name) => {
      const isDefault = name === defaultContext;
      const { Metadata, Endpoints } = isDefault ? defaultAsContext(cli) : store.get(name);
      const material = isDefault ? {} : store.tls(name);
      return {
        goType: 'context.Inspect',
        json: escapeHtml(
          JSON.stringify({
            Name: name,
            Metadata,
            Endpoints,
            TLSMaterial: Object.fromEntries(
              Object.entries(material).map(([endpoint, files]) => [endpoint, Object.keys(files)]),
            ),
            Storage: {
              MetadataPath: isDefault ? '<IN MEMORY>' : store.metadataPath(name),
              TLSPath: isDefault ? '<IN MEMORY>' : store.tlsPath(name),
            },
          }),
        ),
      };
    });
  },
});
