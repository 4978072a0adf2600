import { hash, randomBytes, randomUUID } from 'node:crypto';

export const newUuid = (): string => randomUUID();

/** Text that no one guesses: `bytes` of randomness, base64url. */
export const newSecret = (bytes = 32): string => randomBytes(bytes).toString('base64url');

/** Lower-case hex SHA-256. */
export const sha256 = (data: string | Uint8Array): string => hash('sha256', data);

/** A UUID (version 8, RFC 9562) of a hash: the same each time. */
export function uuidOf(hex: string): string {
  const variant = '89ab'[Number.parseInt(hex[16]!, 16) & 3];
  const parts = [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    variant + hex.slice(17, 20),
    hex.slice(20, 32),
  ];
  return parts.join('-');
}

// Crockford's alphabet: no I, L, O, U, so that a code read aloud or typed by hand stays itself.
const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** A short upper-case id for a label, e.g. `7K3F9Q2M`; eight characters are 40 bits. */
export function newCode(length = 8): string {
  return Array.from(randomBytes(length), (byte) => alphabet[byte & 31]).join('');
}
