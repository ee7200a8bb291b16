/*
 * Parts of a log's line, read and written byte by byte: nothing is allocated for them.
 */

const ZERO = 0x30;
/** Length of `2026-01-02T03:04:05`. */
export const SECONDS = 19;
/** Length of a time as it is sent: with nine digits of a fraction, Z and a blank. */
export const TIMESTAMP = 31;

/** Whether `wanted` stands at `at`. */
export function begins(block: Buffer, at: number, wanted: Buffer): boolean {
  for (let index = 0; index < wanted.length; index += 1) {
    if (block[at + index] !== wanted[index]) return false;
  }
  return true;
}

/** The number that four hexadecimal digits at `at` make; -1 for anything else. */
export function hex4(block: Buffer, at: number): number {
  let value = 0;
  for (let index = at; index < at + 4; index += 1) {
    const byte = block[index] ?? 0;
    const digit =
      byte >= 0x30 && byte <= 0x39
        ? byte - 0x30
        : byte >= 0x61 && byte <= 0x66
          ? byte - 0x57
          : byte >= 0x41 && byte <= 0x46
            ? byte - 0x37
            : -1;
    if (digit === -1) return -1;
    value = value * 16 + digit;
  }
  return value;
}

/** Compares the time at `at` with a key of `timeKey`; a fraction may have less than nine digits. */
export function compareTime(block: Buffer, at: number, key: Buffer): number {
  let fraction = false;
  for (let index = 0; index < key.length; index += 1) {
    let byte = block[at + index] ?? ZERO;
    if (index === SECONDS) {
      fraction = byte !== 0x2e;
      continue;
    }
    // Digits that the line leaves off are zeros.
    if (index > SECONDS && (fraction || byte < 0x30 || byte > 0x39)) {
      fraction = true;
      byte = ZERO;
    }
    if (byte !== key[index]) return byte - key[index]!;
  }
  return 0;
}

/** Writes the line's time with nine digits, Z and a blank. */
export function writeTime(out: Buffer, to: number, block: Buffer, at: number): void {
  for (let index = 0; index < SECONDS; index += 1) out[to + index] = block[at + index] ?? ZERO;
  out[to + SECONDS] = 0x2e;
  let digits = block[at + SECONDS] === 0x2e;
  for (let index = SECONDS + 1; index < TIMESTAMP - 2; index += 1) {
    const byte = block[at + index] ?? ZERO;
    digits &&= byte >= 0x30 && byte <= 0x39;
    out[to + index] = digits ? byte : ZERO;
  }
  out[to + TIMESTAMP - 2] = 0x5a;
  out[to + TIMESTAMP - 1] = 0x20;
}

/** Writes the header of a frame of the multiplexed stream: stream 1 or 2, and how many bytes follow. */
export function writeHeader(out: Buffer, at: number, stream: number, size: number): void {
  out[at] = stream;
  out[at + 1] = 0;
  out[at + 2] = 0;
  out[at + 3] = 0;
  out[at + 4] = size >>> 24;
  out[at + 5] = (size >>> 16) & 0xff;
  out[at + 6] = (size >>> 8) & 0xff;
  out[at + 7] = size & 0xff;
}
