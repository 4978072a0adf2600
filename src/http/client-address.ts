/** Where a request comes from: the peer, or what a proxy that is trusted says of it. */
import { BlockList, isIP } from 'node:net';
import type { Context } from 'koa';

export type AddressOf = (context: Context) => string;

/** `trusted`: addresses and CIDR blocks. Anyone else could write any address into X-Forwarded-For. */
export function clientAddress(trusted: readonly string[]): AddressOf {
  const proxies = new BlockList();
  for (const entry of trusted) {
    const [address, bits] = entry.split('/') as [string, string?];
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (bits === undefined) proxies.addAddress(address, family);
    else proxies.addSubnet(address, Number(bits), family);
  }
  const isTrusted = (address: string) =>
    isIP(address) > 0 && proxies.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
  return (context) => {
    const peer = plain(context.req.socket.remoteAddress ?? '');
    if (!isTrusted(peer)) return peer;
    const chain = context
      .get('X-Forwarded-For')
      .split(',')
      .map((part) => plain(part.trim()));
    // The nearest address that no trusted proxy has is the client's.
    return chain.reverse().find((address) => isIP(address) > 0 && !isTrusted(address)) ?? peer;
  };
}

/** An IPv4 client on an IPv6 socket is `::ffff:1.2.3.4`. */
const plain = (address: string): string => address.replace(/^::ffff:(?=\d+\.)/, '');
