import { chmod, chown } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import type { Mounts } from '../../../dockerfile/mounts.ts';
import type { Session } from './session.ts';

const service = '/moby.sshforward.v1.SSH/';

/** Whether the client offers the agent of that name (`--ssh`). */
export async function hasAgent(session: Session, id: string): Promise<boolean> {
  if (!session.supports(`${service}CheckAgent`)) return false;
  return session.client.unary(`${service}CheckAgent`, 'CheckAgentRequest', 'Empty', { ID: id }).then(
    () => true,
    () => false,
  );
}

let counter = 0;

/** A socket whose connections end at the client's own agent. */
export async function forwardAgent(
  session: Session,
  mount: Mounts,
  folder: string,
): Promise<{ path: string; close: () => Promise<void> }> {
  const path = join(folder, `agent-${counter++}`);
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    void forward(session, mount.id, socket);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => resolve());
  });
  await chmod(path, mount.mode);
  await chown(path, mount.uid, mount.gid);
  return {
    path,
    close: async () => {
      for (const socket of open) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

async function forward(session: Session, id: string, socket: Socket): Promise<void> {
  const call = session.client.call(`${service}ForwardAgent`, 'BytesMessage', 'BytesMessage', {
    'buildkit.ssh.id': id,
  });
  socket.on('error', () => call.cancel());
  const send = async () => {
    for await (const chunk of socket as AsyncIterable<Buffer>) await call.send({ data: chunk });
    call.end();
  };
  send().catch(() => call.cancel());
  try {
    for await (const { data } of call.responses) socket.write(data as Buffer);
    socket.end();
  } catch {
    socket.destroy();
  }
}
