/**
 * Where a site may send to, in Gitea's vocabulary: `external`, `private`, `loopback`, an address or CIDR block, a host, `*.domain`, `*`.
 * Addresses of cloud metadata, link-local, multicast and the like are refused whatever the list says, in every spelling.
 */
import { type Block, type Bytes, blockOf, bytesOf, carried, isWithin } from './ip.ts';

const blocks = (...texts: string[]): Block[] => texts.map((text) => blockOf(text)!);

/** Link-local (with the metadata of most clouds), metadata elsewhere (Alibaba, Azure, Oracle, AWS, Google), "this network", multicast, reserved. */
const never = blocks(
  '0.0.0.0/8',
  '169.254.0.0/16',
  '100.100.100.200',
  '168.63.129.16',
  '192.0.0.192',
  '224.0.0.0/4',
  '240.0.0.0/4',
  '::/128',
  'fe80::/10',
  'fec0::/10',
  'ff00::/8',
  'fd00:ec2::254',
  'fd20:ce::254',
);
const loopback = blocks('127.0.0.0/8', '::1');
/** RFC 1918 and RFC 4193, and the shared range of carriers and overlay networks (RFC 6598). */
const privates = blocks('10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', 'fc00::/7');

type Kind = 'external' | 'private' | 'loopback';
const kinds: readonly string[] = ['external', 'private', 'loopback'] satisfies Kind[];

const inAny = (address: Bytes, list: readonly Block[]): boolean => list.some((block) => isWithin(address, block));

/** Whether an address in text may never be sent to; false for what is no address. */
export function isForbidden(text: string): boolean {
  const address = bytesOf(text);
  return address !== undefined && [address, ...carried(address)].some((one) => inAny(one, never));
}

/** Hosts compare without case and without the root's dot. */
const plainHost = (host: string): string => host.toLowerCase().replace(/\.$/, '');

export class AddressPolicy {
  readonly text: string;
  readonly #kinds: Set<string>;
  readonly #blocks: Block[];
  readonly #hosts: string[];

  /** Takes what `isAddressRule` accepts, item by item. */
  constructor(rules: readonly string[]) {
    this.text = rules.join(',');
    const items = rules.map(plainHost);
    this.#kinds = new Set(items.filter((item) => kinds.includes(item)));
    this.#blocks = items.flatMap((item) => blockOf(item) ?? []);
    this.#hosts = items.filter((item) => !kinds.includes(item) && !blockOf(item));
  }

  /** Whether a connection to `address`, which `host` led to (or which it is), may be made. */
  allows(host: string, address: string): boolean {
    const bytes = bytesOf(address);
    if (!bytes || isForbidden(address)) return false;
    if (this.#namesHost(plainHost(host)) || inAny(bytes, this.#blocks)) return true;
    const inner = carried(bytes);
    return (inner.length > 0 ? inner : [bytes]).every((one) => this.#allowsAddress(one));
  }

  #allowsAddress(address: Bytes): boolean {
    if (inAny(address, this.#blocks)) return true;
    if (inAny(address, loopback)) return this.#kinds.has('loopback');
    return this.#kinds.has(inAny(address, privates) ? 'private' : 'external');
  }

  #namesHost(host: string): boolean {
    return this.#hosts.some(
      (rule) => rule === '*' || rule === host || (rule.startsWith('*.') && host.endsWith(rule.slice(1))),
    );
  }
}

/** Whether an item of the list means something. */
export function isAddressRule(item: string): boolean {
  if (kinds.includes(item.toLowerCase()) || item === '*') return true;
  if (item.includes('/') || item.includes(':')) return blockOf(item) !== undefined;
  return /^(\*\.)?[a-z0-9]([a-z0-9.-]*[a-z0-9])?\.?$/i.test(item) || blockOf(item) !== undefined;
}
