/** Passwords: what is accepted, and how it is kept (scrypt, RFC 7914). */
import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import PQueue from 'p-queue';
import { Invalid } from '../../base/errors.ts';

/** 32 MiB and some 60 ms each; two at once, so that a flood of log-ins leaves threads for the database. */
const cost = { N: 2 ** 15, r: 8, p: 1 };
const maxmem = 128 * 1024 * 1024;
const queue = new PQueue({ concurrency: 2 });
/** A new password is stored within a transaction, which must not wait behind a flood of log-ins. */
const ahead = 1;
const leastLength = 10;
const obvious = [
  '1234567890',
  '0123456789',
  'password12',
  'password123',
  'passwordpassword',
  'qwertyuiop',
  'assetra123',
  'changeme123',
];

/** `scrypt$N$r$p$salt$hash`, both base64url. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16);
  const hash = await derive(password, salt, cost, ahead);
  return ['scrypt', cost.N, cost.r, cost.p, salt.toString('base64url'), hash.toString('base64url')].join('$');
}

/** Whether the password is the one that was hashed. Takes as long for a user who is not there (`null`). */
export async function verifyPassword(password: string, stored: string | null): Promise<boolean> {
  const parts = /^scrypt\$(\d+)\$(\d+)\$(\d+)\$([\w-]+)\$([\w-]+)$/.exec(stored ?? '');
  const [, N, r, p, salt, hash] = parts ?? [];
  const used = parts ? { N: Number(N), r: Number(r), p: Number(p) } : cost;
  const expected = parts ? Buffer.from(hash!, 'base64url') : Buffer.alloc(32);
  const actual = await derive(password, parts ? Buffer.from(salt!, 'base64url') : randomBytes(16), used);
  return parts !== null && actual.length === expected.length && timingSafeEqual(actual, expected);
}

/** Invalid on `password` when it is too easily guessed. */
export function checkPassword(password: string, username: string): void {
  const fault = weakness(password, username);
  if (fault) throw new Invalid({ password: [fault] });
}

function weakness(password: string, username: string): string | undefined {
  if ([...password].length < leastLength) return `Use at least ${leastLength} characters.`;
  if (password.length > 1_024) return 'Use at most 1,024 characters.';
  const plain = password.toLowerCase();
  if (username !== '' && plain === username.toLowerCase()) return 'Choose a password that is not the user name.';
  if (obvious.includes(plain) || new Set(plain).size < 4) return 'This password is too easy to guess.';
  return undefined;
}

const derive = (password: string, salt: Buffer, { N, r, p }: typeof cost, priority = 0): Promise<Buffer> =>
  queue.add(
    () =>
      new Promise<Buffer>((resolve, reject) => {
        const done = (error: Error | null, hash: Buffer) => (error ? reject(error) : resolve(hash));
        scrypt(password.normalize('NFKC'), salt, 32, { N, r, p, maxmem }, done);
      }),
    { priority },
  );
