/** Secrets that must be read back, encrypted with the key of the site: whoever has the database alone cannot read them. */
import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { AppError, ConfigError } from './errors.ts';
import { keyFile } from './key-file.ts';

const algorithm = 'aes-256-gcm';
const keyLength = 32;
const nonceLength = 12;
const tagLength = 16;
const version = 'v1.';
/** Texts that stay open, and their length: an endpoint's secret signs thousands of messages, and opening it takes longer than that. */
const kept = 1_000;
const longestKept = 1_000;

export class Vault {
  readonly #path: string;
  #key: KeyObject | undefined;
  readonly #opened = new Map<string, string>();

  constructor(path: string) {
    this.#path = path;
  }

  /** `v1.` and base64url of nonce, tag and AES-256-GCM ciphertext. `purpose` must be the same to open it: a copy elsewhere is worth nothing. */
  seal(text: string, purpose: string): string {
    const nonce = randomBytes(nonceLength);
    const cipher = createCipheriv(algorithm, this.#siteKey(), nonce).setAAD(Buffer.from(purpose));
    const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
    return version + Buffer.concat([nonce, cipher.getAuthTag(), body]).toString('base64url');
  }

  /** AppError when it was sealed with another key or for another purpose, or was changed. */
  open(sealed: string, purpose: string): string {
    const name = `${purpose} ${sealed}`;
    const known = this.#opened.get(name);
    if (known !== undefined) return known;
    const text = this.#open(sealed, purpose);
    if (text.length > longestKept) return text;
    if (this.#opened.size === kept) this.#opened.delete(this.#opened.keys().next().value!);
    this.#opened.set(name, text);
    return text;
  }

  #open(sealed: string, purpose: string): string {
    const bytes = Buffer.from(sealed.slice(version.length), 'base64url');
    const nonce = bytes.subarray(0, nonceLength);
    try {
      const decipher = createDecipheriv(algorithm, this.#siteKey(), nonce, { authTagLength: tagLength });
      decipher.setAAD(Buffer.from(purpose)).setAuthTag(bytes.subarray(nonceLength, nonceLength + tagLength));
      return decipher.update(bytes.subarray(nonceLength + tagLength), undefined, 'utf8') + decipher.final('utf8');
    } catch (error) {
      const sentence = `A stored secret does not open with the key ${this.#path}. Put the right key back, or set the secret anew.`;
      throw error instanceof AppError ? error : new AppError('vault', 500, sentence, { cause: error });
    }
  }

  /** Read, or made, at first need. */
  #siteKey(): KeyObject {
    if (this.#key) return this.#key;
    const text = keyFile(this.#path, () => `${randomBytes(keyLength).toString('base64url')}\n`);
    const bytes = Buffer.from(text.trim(), 'base64url');
    if (bytes.length !== keyLength)
      throw new ConfigError(`${this.#path} is no site key. Put the right file back, from a backup if need be.`);
    this.#key = createSecretKey(bytes);
    return this.#key;
  }
}

/** The site's own, its key in keys/site.key. */
export const openVault = (dir: string): Vault => new Vault(join(dir, 'keys', 'site.key'));
