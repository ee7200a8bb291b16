import { type BerthError, conflict, invalidParameter } from '../../base/errors.ts';
import type { Status } from '../model/types.ts';

/** dockerd's texts and kinds for a namespace that can't be joined. */
export const badJoin = {
  self: (): BerthError => conflict('cannot join own network'),
  network: (id: string, status: Status): BerthError =>
    conflict(
      status === 'restarting'
        ? `cannot join network of a restarting container: ${id}`
        : `cannot join network of a non running container: ${id}`,
    ),
  pid: (id: string): BerthError => conflict(`failed to join PID namespace: container ${id} is not running`),
  ipc: (id: string): BerthError => conflict(`failed to join IPC namespace: container ${id} is not running`),
  ipcPrivate: (id: string): BerthError =>
    invalidParameter(
      `failed to join IPC namespace: container ${id}: non-shareable IPC (hint: use IpcMode:shareable for the donor container)`,
    ),
};
