import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { constants, existsSync, readFileSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { systemError } from '../base/errors.ts';
import { syncDirectory } from '../base/files/sync.ts';

/*
 * Encryption at rest: AES-256-GCM with a key in a file beside the database, which root alone may read. A copy of the database
 * without the key tells nothing; what a text belongs to is authenticated, so that none can be put in another's place.
 */

const CIPHER = 'aes-256-gcm';
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Encrypts and decrypts texts. The key is read when it is needed first. @param file the key's path */
export class Vault {
  readonly #file: string;
  #key: Buffer | undefined;

  constructor(file: string) {
    this.#file = file;
  }

  /** Makes the key where there is none. @param hasTexts something is encrypted already: a key that is missing was lost */
  async prepare(hasTexts: boolean): Promise<void> {
    if (this.#key || existsSync(this.#file) || hasTexts) {
      this.#load();
      return;
    }
    const key = randomBytes(KEY_BYTES);
    const unfinished = `${this.#file}.unfinished`;
    const handle = await open(
      unfinished,
      constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW,
      0o600,
    );
    try {
      await handle.writeFile(key);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(unfinished, this.#file);
    await syncDirectory(dirname(this.#file));
    this.#key = key;
  }

  #load(): Buffer {
    if (this.#key) return this.#key;
    let key: Buffer;
    try {
      key = readFileSync(this.#file);
    } catch (error) {
      throw systemError(
        `secrets and configs can't be read without their key: restore ${this.#file} from a backup, or remove them and make them again`,
        error,
      );
    }
    if (key.length !== KEY_BYTES)
      throw systemError(
        `the key of secrets and configs is damaged: restore ${this.#file} from a backup, or remove them and make them again`,
      );
    this.#key = key;
    return key;
  }

  /** @param subject what the text belongs to, without which it can't be decrypted */
  encrypt(subject: string, text: Buffer): string {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(CIPHER, this.#load(), nonce);
    cipher.setAAD(Buffer.from(subject));
    const body = Buffer.concat([cipher.update(text), cipher.final()]);
    return Buffer.concat([nonce, cipher.getAuthTag(), body]).toString('base64');
  }

  /** @throws system when the key is missing, or the text is not what `encrypt` made of that subject */
  decrypt(subject: string, encrypted: string): Buffer {
    const bytes = Buffer.from(encrypted, 'base64');
    try {
      const decipher = createDecipheriv(CIPHER, this.#load(), bytes.subarray(0, NONCE_BYTES));
      decipher.setAAD(Buffer.from(subject));
      decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
      return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()]);
    } catch (error) {
      if ((error as { kind?: string }).kind) throw error;
      throw systemError(
        `${subject} can't be decrypted: the key in ${this.#file} is not the one that it was made with, or its record is damaged`,
        error,
      );
    }
  }
}
