/** Requests to the server that served this page, in the name of this screen. */
import { learn } from './clock.js';

const base = new URL('../api/v1/', location.href);
/** How long an answer may take, in ms: a request that hangs holds up the scans behind it. */
const patience = 10_000;

/** The server cannot be reached or says that it cannot now: try again, after `wait` ms if it named a time. */
export class Away extends Error {
  constructor(message, wait = 0) {
    super(message);
    this.wait = wait;
  }
}
/** The token is good no longer. */
export class ShutOut extends Error {}
/** It understood and refused. */
export class Refused extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

/** The answer's JSON; Away, ShutOut or Refused. */
export async function call(method, path, { token, tenant, body, signal } = {}) {
  const answer = await reach(path, {
    method,
    headers: {
      Accept: 'application/json',
      ...(token && { Authorization: `Bearer ${token}`, 'X-Tenant-ID': String(tenant) }),
      ...(body && { 'Content-Type': 'application/json' }),
    },
    body: body && JSON.stringify(body),
    signal: AbortSignal.any([AbortSignal.timeout(patience), ...(signal ? [signal] : [])]),
  });
  await check(answer);
  return answer.json().catch(() => {
    throw new Away('The answer was cut.');
  });
}

/** fetch, whose failures are Away. */
export const reach = (path, options) =>
  fetch(new URL(path, base), { cache: 'no-store', ...options }).catch(() => {
    throw new Away('The server cannot be reached.');
  });

export async function check(answer) {
  learn(answer.headers.get('Date'));
  if (answer.ok) return;
  const isOurs = answer.headers.get('Content-Type')?.includes('json');
  const wait = Number(answer.headers.get('Retry-After')) * 1_000 || 0;
  const body = isOurs ? await answer.json().catch(() => ({})) : {};
  const passing = [408, 425, 429].includes(answer.status) || answer.status >= 500;
  // A proxy whose server is away answers for it, with a page of its own.
  if (passing || !isOurs) throw new Away(sentence(body) || `The server answers ${answer.status}.`, wait);
  if (answer.status === 401) throw new ShutOut(sentence(body));
  throw new Refused(sentence(body) || `The server answers ${answer.status}.`, answer.status);
}

function sentence(body) {
  if (typeof body === 'string') return body;
  if (Array.isArray(body)) return body.map(sentence).filter(Boolean).join(' ');
  if (typeof body !== 'object' || body === null) return '';
  if (typeof body.detail === 'string') return body.detail;
  return Object.values(body).map(sentence).filter(Boolean).join(' ');
}
