import { createHash, hash } from 'node:crypto';

/** Bytes that names are first given, and the bytes of the length before each packet. */
const ROOM = 1 << 12;
const HEAD = 4;
/** Bytes that are hashed at once, as they come: those of a large folder would take the event loop tens of milliseconds. */
const PIECE = 1 << 20;

/** The first byte of a packet that has nothing before its `stat`, and of a `stat` that begins with its path. */
const STAT = 0x12;
const PATH = 0x0a;

/**
 * The packets by which a client listed a folder, each with a name and attributes, as they came. Most builds only compare them
 * with those of the last build, so they are decoded when a file is needed.
 */
export class Names {
  private room = Buffer.allocUnsafe(ROOM);
  private end = 0;
  private readonly state = createHash('sha256');
  /** Bytes of the room that are in `state`. */
  private hashed = 0;

  add(packet: Buffer): void {
    const end = this.end + HEAD + packet.length;
    if (end > this.room.length) {
      const grown = Buffer.allocUnsafe(Math.max(end, 2 * this.room.length));
      this.room.copy(grown, 0, 0, this.end);
      this.room = grown;
    }
    this.room.writeUInt32LE(packet.length, this.end);
    this.room.set(packet, this.end + HEAD);
    this.end = end;
    if (end - this.hashed >= PIECE) this.hashRest();
  }

  private hashRest(): void {
    this.state.update(this.room.subarray(this.hashed, this.end));
    this.hashed = this.end;
  }

  /** The digest of all packets and of what else the files depend on. */
  digest(besides: string): string {
    this.hashRest();
    return this.state
      .copy()
      .update(hash('sha256', besides, 'buffer'))
      .digest('hex');
  }

  *packets(): Generator<Buffer> {
    for (let at = 0; at < this.end; ) {
      const begin = at + HEAD;
      at = begin + this.room.readUInt32LE(at);
      yield this.room.subarray(begin, at);
    }
  }
}

/** Whether a packet is plainly one with a name, as clients write it. What is not is decoded to find out. */
export function isName(packet: Buffer): boolean {
  if (packet[0] !== STAT) return false;
  let at = 1;
  let size = 0;
  for (let shift = 0; shift < 28; shift += 7) {
    const byte = packet[at++] ?? 0;
    size |= (byte & 0x7f) << shift;
    if (byte < 0x80) break;
  }
  return at + size === packet.length && packet[at] === PATH && packet[at + 1]! > 0;
}
