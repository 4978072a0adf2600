/** The headers of an attempt: ours, those of Standard Webhooks, and the endpoint's own. */
import { z } from 'zod';
import { signatureOf, standardSignatureOf } from './secrets.ts';

export interface Attempt {
  event: string;
  /** Constant over retries. */
  delivery: string;
  /** Constant over retries, replays and endpoints; holds no dot. */
  message: string;
  /** From 1. */
  number: number;
  /** Unix seconds. */
  timestamp: number;
}

/** In the clear. */
export interface Keys {
  current: string | undefined;
  next: string | undefined;
  previous: string | undefined;
}

/** One signature in `X-Assetra-Signature`, since receivers compare it whole; that of the other secret has its own name. */
export function headersOf(
  attempt: Attempt,
  keys: Keys,
  own: Record<string, string>,
  body: Buffer,
): Record<string, string> {
  const at = String(attempt.timestamp);
  const { current, next, previous } = keys;
  const signed = (secret: string) => signatureOf(secret, at, body);
  const standard = [current, next, previous].flatMap((secret) =>
    secret === undefined ? [] : standardSignatureOf(secret, attempt.message, at, body),
  );
  return {
    ...own,
    'Content-Type': 'application/json',
    'User-Agent': 'AssetraWebhook/1.0',
    'Accept-Encoding': 'identity',
    // A workflow may name its event in any alphabet; a header may not.
    'X-Assetra-Event': attempt.event.replace(/[^\x20-\x7e]/g, '?'),
    'X-Assetra-Delivery-Id': attempt.delivery,
    'X-Assetra-Attempt': String(attempt.number),
    'X-Assetra-Timestamp': at,
    ...(current !== undefined && { 'X-Assetra-Signature': signed(current) }),
    ...(next !== undefined && { 'X-Assetra-Signature-Next': signed(next) }),
    ...(previous !== undefined && { 'X-Assetra-Signature-Previous': signed(previous) }),
    'webhook-id': attempt.message,
    'webhook-timestamp': at,
    ...(standard.length > 0 && { 'webhook-signature': standard.join(' ') }),
  };
}

const ours =
  /^(x-assetra-.*|webhook-.*|proxy-.*|host|content-.*|transfer-encoding|connection|keep-alive|te|trailer|upgrade|expect|user-agent|accept-encoding)$/i;

/** An endpoint's own headers: an API key of a gateway before it, say. None of ours, nor what frames the request. */
export const OwnHeaders = z
  .record(z.string(), z.string().max(2_000))
  .refine((headers) => Object.keys(headers).length <= 20, { error: 'At most 20 headers.' })
  .superRefine((headers, context) => {
    for (const [name, value] of Object.entries(headers)) {
      const fault = faultIn(name, value);
      if (fault) context.addIssue({ code: 'custom', path: [name], message: fault });
    }
  });

function faultIn(name: string, value: string): string | undefined {
  if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/.test(name)) return 'Not the name of a header.';
  if (ours.test(name)) return 'Assetra sets this header itself.';
  return /^[\x20-\x7e]*$/.test(value) ? undefined : 'Only printable ASCII characters.';
}
