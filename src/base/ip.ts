/** IP addresses as bytes, and what an address stands for: an IPv4 one may hide in many an IPv6 one. */
import { isIP } from 'node:net';

/** 4 or 16 bytes. */
export type Bytes = readonly number[];

/** The bytes of an address in text, without its zone; undefined when it is none. */
export function bytesOf(text: string): Bytes | undefined {
  const [address = ''] = text.split('%');
  if (isIP(address) === 4) return address.split('.').map(Number);
  return isIP(address) === 6 ? wide(address) : undefined;
}

function wide(address: string): Bytes {
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address);
  const [a = 0, b = 0, c = 0, d = 0] = dotted?.slice(2).map(Number) ?? [];
  const plain = dotted ? `${dotted[1]}${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}` : address;
  const [head = '', tail] = plain.split('::');
  const groups = (part: string) => (part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16)));
  const [before, after] = [groups(head), groups(tail ?? '')];
  const zeros = new Array(8 - before.length - after.length).fill(0);
  return [...before, ...zeros, ...after].flatMap((group) => [group >> 8, group & 255]);
}

/** Whether an address lies in the block; of another family it never does. */
export function isWithin(address: Bytes, block: Block): boolean {
  if (address.length !== block.bytes.length) return false;
  return address.every((byte, index) => {
    const bits = Math.min(Math.max(block.prefix - index * 8, 0), 8);
    const mask = (0xff << (8 - bits)) & 0xff;
    return (byte & mask) === (block.bytes[index]! & mask);
  });
}

export interface Block {
  bytes: Bytes;
  prefix: number;
}

/** `10.0.0.0/8`, or one address; undefined when it is neither. */
export function blockOf(text: string): Block | undefined {
  const [address = '', prefix, ...rest] = text.split('/');
  const bytes = bytesOf(address);
  if (!bytes || rest.length > 0) return undefined;
  if (prefix === undefined) return { bytes, prefix: bytes.length * 8 };
  const bits = /^\d{1,3}$/.test(prefix) ? Number(prefix) : Number.NaN;
  return bits <= bytes.length * 8 ? { bytes, prefix: bits } : undefined;
}

/** Where in an IPv6 address another protocol puts the IPv4 address that it leads to; Teredo inverts it. */
const carriers: { block: string; at: number; inverted?: boolean }[] = [
  { block: '::ffff:0:0/96', at: 12 },
  { block: '::ffff:0:0:0/96', at: 12 },
  { block: '::/96', at: 12 },
  { block: '64:ff9b::/96', at: 12 },
  { block: '64:ff9b:1::/48', at: 12 },
  { block: '2002::/16', at: 2 },
  { block: '2001::/32', at: 12, inverted: true },
];
const parsedCarriers = carriers.map((carrier) => ({ ...carrier, block: blockOf(carrier.block)! }));

/** The IPv4 addresses that an IPv6 one leads to: mapped, compatible, NAT64, 6to4, Teredo and ISATAP. */
export function carried(address: Bytes): Bytes[] {
  if (address.length !== 16 || isPlainLocal(address)) return [];
  const found = parsedCarriers
    .filter(({ block }) => isWithin(address, block))
    .map(({ at, inverted }) => address.slice(at, at + 4).map((byte) => (inverted ? byte ^ 0xff : byte)));
  const isatap = address[10] === 0x5e && address[11] === 0xfe && [0, 2].includes(address[8]!) && address[9] === 0;
  return isatap ? [...found, address.slice(12)] : found;
}

/** `::` and `::1` are themselves, not 0.0.0.0 and 0.0.0.1 in another spelling. */
const isPlainLocal = (address: Bytes): boolean => address.slice(0, 15).every((byte) => byte === 0) && address[15]! <= 1;
