import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The path of berth-native: beside the bundle in an installation, else where the source tree builds it. */
export const nativeProgram: string = [
  new URL('./berth-native', import.meta.url),
  new URL('../build/berth-native', import.meta.url),
]
  .map((url) => fileURLToPath(url))
  .find((path, index, all) => existsSync(path) || index === all.length - 1)!;
