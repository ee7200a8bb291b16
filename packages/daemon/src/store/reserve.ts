import { fstatSync, statSync, truncateSync, writeFileSync, writeSync } from 'node:fs';

/* Blocks that are kept for the time when the disk is full. */

/** Bytes that the log has from the beginning. */
const RESERVED = 512 * 1024;

/**
 * Bytes set aside for the database to grow by when a full disk makes the log be folded in. The log is folded before its rows
 * are a quarter of that: half-empty pages and overflow pages take more than the rows.
 */
export const SPARE = 2 * 1024 * 1024;

/**
 * Gives the log blocks for the changes to come, so that a removal can be recorded on a disk that has become full. SQLite
 * ignores what follows the log's last frame.
 */
export function reserveLog(logFd: number): void {
  const { size } = fstatSync(logFd);
  if (size >= RESERVED) return;
  try {
    writeSync(logFd, Buffer.alloc(RESERVED - size), 0, RESERVED - size, size);
  } catch {
    // There is no room any more: a removal makes some.
  }
}

/** How much of it is given up at once, in bytes, and how often a refill is tried, in milliseconds. */
const PIECE = SPARE / 8;
const PAUSE = 1000;

/** A file whose blocks are given up on a full disk, piece by piece, and taken again once there is room. */
export class Spare {
  private readonly path: string;
  private size = 0;
  private triedAt = Number.NEGATIVE_INFINITY;

  constructor(path: string) {
    this.path = path;
    this.size = this.restore();
  }

  /** Gives up a piece. @returns whether there is more */
  give(): boolean {
    this.triedAt = performance.now();
    if (this.size === 0) return false;
    this.size -= PIECE;
    truncateSync(this.path, this.size);
    return this.size > 0;
  }

  /** Makes it whole again where there is room. */
  refill(): void {
    if (this.size === SPARE || performance.now() < this.triedAt + PAUSE) return;
    this.triedAt = performance.now();
    try {
      writeFileSync(this.path, Buffer.alloc(SPARE), { mode: 0o600 });
      this.size = SPARE;
    } catch {
      // Other writers may have taken the room meanwhile: the blocks that were written are kept.
      this.size = this.restore();
    }
  }

  private restore(): number {
    try {
      const size = Math.floor(statSync(this.path).size / PIECE) * PIECE;
      truncateSync(this.path, size);
      return size;
    } catch {
      return 0;
    }
  }
}
