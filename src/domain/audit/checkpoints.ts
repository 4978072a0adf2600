/**
 * Checkpoints: a tenant's chain as it stood, signed with the site's ed25519 key and kept outside the database, in a file
 * that is only appended to and in the log. They show what the chain alone cannot: a cut tail and a rewrite of the whole.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto';
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, readSync, statSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import canonicalize from 'canonicalize';
import { AppError, ConfigError } from '../../base/errors.ts';
import { sha256 } from '../../base/ids.ts';
import { keyFile, readKey } from '../../base/key-file.ts';

export interface Statement {
  version: 1;
  /** `restore`: the chain was set back to this by a restore; later checkpoints of before are void. */
  kind: 'checkpoint' | 'restore';
  tenant: number;
  slug: string;
  /** Number and hash of the last seal. */
  sequence: number;
  seal: string;
  /** The database's: another one after each restore. */
  epoch: string;
  at: string;
}

/** As a line of the file: `signature` is ed25519 over `assetra-checkpoint-1`, a line feed and the RFC 8785 text of the rest. */
export interface Checkpoint extends Statement {
  /** The first 16 digits of SHA-256 over the public key (SPKI, DER). */
  key: string;
  /** Base64. */
  signature: string;
}

export interface Witness {
  /** The file that is only appended to. */
  path: string;
  privateKey: KeyObject;
}

const signedText = (statement: object): Buffer => Buffer.from(`assetra-checkpoint-1\n${canonicalize(statement)}`);

export const keyName = (key: KeyObject): string =>
  sha256((key.type === 'private' ? createPublicKey(key) : key).export({ type: 'spki', format: 'der' })).slice(0, 16);

export const checkpointFile = (dir: string): string => join(dir, 'files', 'audit-checkpoints.jsonl');
const privatePath = (dir: string): string => join(dir, 'keys', 'audit.key');
const publicPath = (dir: string): string => join(dir, 'keys', 'audit.pub');

/** The site's signing key, made at first need with its public half beside it. */
export function openWitness(dir: string): Witness {
  const make = () => generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const privateKey = parseKey(privatePath(dir), keyFile(privatePath(dir), make), createPrivateKey);
  keyFile(publicPath(dir), () => createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }).toString());
  return { path: checkpointFile(dir), privateKey };
}

/** The public key in that file, or the site's own; undefined when the site has none yet. */
export function publicKeyOf(dir: string, path = publicPath(dir)): KeyObject | undefined {
  const text = readKey(path) ?? derived(dir, path);
  if (text === undefined && path !== publicPath(dir)) throw new ConfigError(`There is no key ${path}.`);
  return text === undefined ? undefined : parseKey(path, text, createPublicKey);
}

/** The site's own public key can be had from the private one. */
function derived(dir: string, path: string): string | undefined {
  return path === publicPath(dir) ? readKey(privatePath(dir)) : undefined;
}

function parseKey(path: string, text: string, parse: (text: string) => KeyObject): KeyObject {
  try {
    const key = parse(text);
    if (key.asymmetricKeyType === 'ed25519') return key;
  } catch {
    // Told below, as any other file that is no such key.
  }
  throw new ConfigError(`${path} is no ed25519 key in PEM form. Put the right file back, from a backup if need be.`);
}

export function signed(statement: Statement, key: KeyObject): Checkpoint {
  const named = { ...statement, key: keyName(key) };
  return { ...named, signature: sign(null, signedText(named), key).toString('base64') };
}

export function isGenuine({ signature, ...rest }: Checkpoint, key: KeyObject): boolean {
  return rest.key === keyName(key) && verify(null, signedText(rest), key, Buffer.from(signature, 'base64'));
}

/** Adds lines to the file; they are on disk when it returns. */
export function append(path: string, checkpoints: readonly Checkpoint[]): void {
  const lines = checkpoints.map((checkpoint) => `${JSON.stringify(checkpoint)}\n`).join('');
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    // Whoever was killed while writing left a line without its end; what follows is none of it.
    const text = Buffer.from(endsWhole(path) ? lines : `\n${lines}`);
    const file = openSync(path, 'a', 0o600);
    try {
      for (let written = 0; written < text.length; ) written += writeSync(file, text, written);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw new AppError('checkpoint', 500, `Checkpoints cannot be written to ${path}. Check its folder and the disk.`, {
      cause: error,
    });
  }
}

function endsWhole(path: string): boolean {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (size === 0) return true;
  const last = Buffer.alloc(1);
  const file = openSync(path, 'r');
  try {
    readSync(file, last, 0, 1, size - 1);
  } finally {
    closeSync(file);
  }
  return last.toString() === '\n';
}

/** Every line of the file, oldest first; none when there is no file. AppError for a line that is no checkpoint. */
export const read = (path: string): Checkpoint[] =>
  readText(path)
    .split('\n')
    .flatMap((line, index) => (line === '' ? [] : (parseLine(path, line, index + 1) ?? [])));

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw new AppError('checkpoint', 500, `The checkpoints in ${path} cannot be read.`, { cause: error });
  }
}

/** Undefined for one whose writer was killed before its end: it was never told of. */
function parseLine(path: string, line: string, number: number): Checkpoint | undefined {
  const checkpoint = parsed(line);
  const torn = '{"version":1,'.startsWith(line) || (line.startsWith('{"version":1,') && !line.endsWith('}'));
  if (!checkpoint && torn) return undefined;
  const { version, tenant, sequence, seal, signature } = checkpoint ?? ({} as Checkpoint);
  const right = version === 1 && Number.isInteger(tenant) && Number.isInteger(sequence) && sequence >= 0;
  if (right && typeof seal === 'string' && typeof signature === 'string') return checkpoint;
  throw new AppError('checkpoint', 500, `Line ${number} of ${path} is no checkpoint. Take the file from a copy.`);
}

function parsed(line: string): Checkpoint | undefined {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
