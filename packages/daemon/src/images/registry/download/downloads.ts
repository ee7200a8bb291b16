import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { log } from '../../../base/log.ts';
import type { Layer } from '../../../layers/api.ts';
import { Pool } from '../limits.ts';
import { Transfer } from './transfer.ts';
import type { DownloadServices, TransferPools, WantedLayer } from './types.ts';

/**
 * Fetches layers: each blob once however many clients want it, all within one pool, into a file aside that is hashed on
 * its way and then given to the layers room. A file stays when its transfer was interrupted, and is taken up again where
 * it ended.
 */
export class Downloads implements TransferPools {
  readonly services: DownloadServices;
  readonly fetching: Pool;
  readonly adding = new Pool(availableParallelism());
  private readonly running = new Map<string, Transfer>();
  private swept = 0;

  constructor(services: DownloadServices) {
    this.services = services;
    this.fetching = new Pool(services.concurrent);
    mkdirSync(services.folder, { recursive: true, mode: 0o700 });
    this.sweep();
  }

  /** Gets a layer, or joins those who are getting it. @throws what the transfer ended with, or the signal's reason. */
  async layer(wanted: WantedLayer): Promise<Layer> {
    for (;;) {
      wanted.signal.throwIfAborted();
      const running = this.running.get(wanted.digest);
      if (!running) return await this.start(wanted).join(wanted);
      try {
        if (running.diffId === wanted.diffId) return await running.join(wanted);
      } catch (error) {
        // Another client's registry, credentials or patience failed; ours may not.
        wanted.signal.throwIfAborted();
        log.debug({ blob: wanted.digest, err: error }, 'a shared download failed; trying again');
      }
      // The other transfer writes to the same file until it has ended.
      await running.ended;
    }
  }

  private start(wanted: WantedLayer): Transfer {
    this.sweep();
    const transfer = new Transfer(this, wanted);
    this.running.set(wanted.digest, transfer);
    void transfer.ended.then(() => this.running.delete(wanted.digest));
    return transfer;
  }

  /** Removes what interrupted downloads left too long ago. */
  private sweep(): void {
    const { limits, folder } = this.services;
    const now = Date.now();
    if (now - this.swept < limits.partialAge / 24) return;
    this.swept = now;
    for (const name of readdirSync(folder)) {
      const path = join(folder, name);
      const old = (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0) < now - limits.partialAge;
      if (!/^[a-f0-9]{64}$/.test(name) || (old && !this.running.has(`sha256:${name}`)))
        rmSync(path, { recursive: true, force: true });
    }
  }
}
