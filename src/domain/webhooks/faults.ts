/** What keeps an answer from coming, by the codes of node and undici. */
import { type AddressPolicy, isForbidden } from '../../base/address-policy.ts';
import type { Reason } from './outcome.ts';

export interface Fault {
  reason: Reason;
  message: string;
}

export class BlockedAddress extends Error {
  readonly code = 'BLOCKED_ADDRESS';
  readonly address: string;
  constructor(address: string, { text }: AddressPolicy) {
    const cure = isForbidden(address)
      ? 'it is a link-local, metadata, multicast or reserved address'
      : `ASSETRA_WEBHOOK_ALLOWED_HOSTS is ${text}. Add ${address} to it if that is meant`;
    super(`Webhooks are not sent to ${address}: ${cure}.`);
    this.address = address;
  }
}

export class Late extends Error {
  readonly code = 'LATE';
  constructor(seconds: number) {
    super(`No whole answer within ${seconds} s.`);
  }
}

const byCode: Record<string, Reason> = {
  BLOCKED_ADDRESS: 'blocked_address',
  LATE: 'timeout',
  UND_ERR_CONNECT_TIMEOUT: 'timeout',
  ETIMEDOUT: 'timeout',
  ENOTFOUND: 'dns',
  EAI_AGAIN: 'dns',
  EAI_FAIL: 'dns',
  EAI_NODATA: 'dns',
  ECONNREFUSED: 'refused',
  ECONNRESET: 'reset',
  EPIPE: 'reset',
  UND_ERR_SOCKET: 'reset',
  EHOSTUNREACH: 'unreachable',
  ENETUNREACH: 'unreachable',
  EADDRNOTAVAIL: 'unreachable',
  EPROTO: 'tls',
};

/** OpenSSL's names of what is wrong with a certificate have no prefix of their own. */
const tls = /^ERR_(TLS|SSL)_|CERT|SIGNATURE|^(DEPTH_ZERO|HOSTNAME_MISMATCH|INVALID_(CA|PURPOSE))/;
const parser = /^(HTTPParserError|HPE_|UND_ERR_(HEADERS_OVERFLOW|RES_|INVALID))/;

export function faultOf(error: unknown): Fault {
  const { code = '', name, message, cause, errors } = error as Error & { code?: string; errors?: Error[] };
  const inner = (errors?.[0] ?? cause) as (Error & { code?: string }) | undefined;
  const known = code || inner?.code || (name === 'HTTPParserError' ? name : '');
  const reason = byCode[known] ?? (tls.test(known) ? 'tls' : parser.test(known) ? 'bad_response' : 'network');
  const text = (message || inner?.message || 'Unknown error').slice(0, 500);
  return {
    reason,
    message:
      known && !text.includes(known) && reason !== 'timeout' && reason !== 'blocked_address'
        ? `${text} (${known})`
        : text,
  };
}
