/** What an attempt came to, and what follows from it. */
import type { Answer } from './sender.ts';

/** Why a delivery is not delivered. */
export type Reason =
  | 'timeout'
  | 'dns'
  | 'tls'
  | 'refused'
  | 'reset'
  | 'unreachable'
  | 'network'
  | 'bad_response'
  | 'blocked_address'
  | 'http_3xx'
  | 'http_4xx'
  | 'http_5xx'
  | 'gone'
  | 'aborted'
  | 'endpoint_disabled'
  | 'error';

export type Outcome =
  | { verdict: 'success' }
  | {
      verdict: 'retry' | 'dead';
      reason: Reason;
      /** One sentence for whoever looks into it. */
      error: string;
      /** The receiver understood and refused: more tries alone will hardly mend it. */
      flagged: boolean;
      /** What the receiver asks to wait, in s; 0 when it does not. */
      retryAfter: number;
    };

/** Longest wait between two attempts, in s, whoever asks for it. */
export const longestWait = 3_600;

export function outcomeOf(answer: Answer, now: Date): Outcome {
  const { status } = answer;
  if (answer.fault)
    return {
      verdict: 'retry',
      reason: answer.fault.reason,
      error: answer.fault.message,
      flagged: false,
      retryAfter: 0,
    };
  if (status >= 200 && status < 300) return { verdict: 'success' };
  const refused = { error: sentence(answer), retryAfter: waitAsked(answer.retryAfter, now) };
  if (status === 410) return { ...refused, verdict: 'dead', reason: 'gone', flagged: true };
  const reason = status < 400 ? 'http_3xx' : status < 500 ? 'http_4xx' : 'http_5xx';
  if (answer.aborts) return { ...refused, verdict: 'dead', reason: 'aborted', flagged: true };
  return { ...refused, verdict: 'retry', reason, flagged: status < 500 && ![408, 425, 429].includes(status) };
}

function sentence({ status, location, aborts }: Answer): string {
  if (status === 410) return 'HTTP 410: the receiver is gone for good.';
  if (aborts) return `HTTP ${status}: the receiver asks to send this no more.`;
  if (status < 400 && location)
    return `HTTP ${status} to ${location.slice(0, 500)}: redirects are not followed. Set the right URL.`;
  return `HTTP ${status}`;
}

/** Seconds, or an HTTP date (RFC 9110); what is neither is no wish. */
export function waitAsked(retryAfter: string, now: Date): number {
  const text = retryAfter.trim();
  const seconds = /^\d+$/.test(text)
    ? Number(text)
    : /^[A-Za-z]{3,9},? /.test(text)
      ? (Date.parse(text) - now.getTime()) / 1_000
      : 0;
  return Number.isNaN(seconds) ? 0 : Math.min(Math.max(seconds, 0), longestWait);
}

/**
 * How long to wait after so many attempts, in ms: doubled from 5 s up to an hour, and up to a tenth more so that what failed
 * together does not come back together. What the receiver asks for only lengthens it.
 */
export function waitAfter(attempts: number, retryAfter: number, random = Math.random()): number {
  const usual = Math.min(5 * 2 ** (attempts - 1), longestWait) * (1 + random / 10);
  return Math.round(Math.max(usual, retryAfter) * 1_000);
}
