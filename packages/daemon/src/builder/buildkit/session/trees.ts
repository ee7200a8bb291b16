import { type BuildKitClient, goMode, goPermissions, packetType } from '@berth/grpc';
import { BerthError } from '../../../base/errors.ts';
import { Slices } from '../../../patterns/slices.ts';
import type { Tree } from '../../tree/tree.ts';

/**
 * Sends a tree to the client (`--output type=local`), which asks for the files it wants.
 * @returns the bytes of the files sent.
 */
export async function sendTree(client: BuildKitClient, exporter: number, tree: Tree): Promise<number> {
  let sent = 0;
  const call = client.call('/moby.filesync.v1.FileSend/DiffCopy', 'Packet', 'Packet', {
    'buildkit-attachable-exporter-id': String(exporter),
  });
  const paths = await tree.under('');
  const kinds = {
    file: 0,
    directory: goMode.directory,
    symlink: goMode.symlink,
    fifo: goMode.pipe,
    'character-device': goMode.device + goMode.character,
    'block-device': goMode.device,
  };
  const slices = new Slices();
  const walk = (async () => {
    for (const path of paths) {
      if (slices.due()) await slices.next();
      const entry = tree.entries.get(path)!;
      await call.send({
        type: packetType.stat,
        stat: {
          path,
          mode: kinds[entry.type] + goPermissions(entry.mode),
          uid: entry.uid,
          gid: entry.gid,
          size: entry.size,
          modTime: entry.mtime.getTime() * 1e6,
          linkname: entry.target,
          devmajor: entry.devmajor ?? 0,
          devminor: entry.devminor ?? 0,
        },
      });
    }
    await call.send({ type: packetType.stat });
  })();
  for await (const packet of call.responses) {
    if (packet.type === packetType.error)
      throw new BerthError('system', `error from receiver: ${packet.data.toString()}`);
    if (packet.type === packetType.request) {
      const entry = tree.entries.get(paths[packet.ID]!);
      if (entry?.type === 'file')
        for await (const chunk of tree.read(entry) as AsyncIterable<Buffer>) {
          await call.send({ type: packetType.data, ID: packet.ID, data: chunk });
          sent += chunk.length;
        }
      await call.send({ type: packetType.data, ID: packet.ID });
    } else if (packet.type === packetType.fin) {
      await call.send({ type: packetType.fin });
      call.end();
    }
  }
  await walk;
  return sent;
}
