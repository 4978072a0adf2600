/** Scans of a device host, sent to a daemon elsewhere, one after the other. */
import { AppError, TooMany, Unavailable } from '../base/errors.ts';
import type { Answer } from '../domain/devices/service.ts';
import { type RecordScans, recordedOf } from './answer.ts';

export interface Server {
  /** Base URL, such as `https://assetra.example:8000`. */
  url: string;
  token: string;
  /** Slug or id of the tenant that the token is of; asked for when it is not known. */
  tenant?: string | undefined;
  /** Ends what is asked when nobody waits for the answer any more. */
  signal?: AbortSignal | undefined;
}

export interface RemoteDevice {
  name: string;
  /** Code of the place where it stands. */
  location: string;
  mode: string;
  mode_timeout_s: number;
  session: number | null;
}

/** How long an answer may take, in ms. The scan may have been recorded nevertheless: sending it again is harmless. */
const patience = 15_000;

/** Throws an AppError with the server's status for scans that it refuses, and Unavailable for whatever time may cure. */
export function remoteRecorder(server: Server, device: RemoteDevice): RecordScans {
  const { name, ...settings } = device;
  return async (scans, state) => {
    server.tenant ??= await tenantOf(server);
    const scanner = { ...settings, device: name, state };
    // One by itself is refused in plain words.
    const [one, another] = scans;
    const { status, answer } = another
      ? await ask(server, 'device-scans/bulk/', { ...scanner, scans })
      : await ask(server, 'device-scans/', { ...scanner, ...one });
    const results = (another ? answer?.results : [answer]) as (Partial<Answer> | undefined)[] | undefined;
    const isWhole = Array.isArray(results) && results.length === scans.length;
    if (isWhole && results.every((result) => typeof result?.outcome === 'string'))
      return (results as Answer[]).map(recordedOf);
    throw notOurs(server.url, `status ${status}`);
  };
}

/** A token is of one tenant, and the server knows which. */
async function tenantOf(server: Server): Promise<string> {
  const { answer } = await ask(server, 'tenants/');
  const [tenant] = Array.isArray(answer?.results) ? (answer.results as { id?: number }[]) : [];
  if (tenant?.id === undefined)
    throw new Unavailable(`${server.url} does not say which tenant the token is of. Name it with --tenant.`);
  return String(tenant.id);
}

interface Reply {
  status: number;
  answer: Record<string, unknown> | undefined;
}

/** POST with a body, GET without. Throws for every answer but a success. */
async function ask({ url, token, tenant, signal }: Server, path: string, body?: object): Promise<Reply> {
  let response: Response;
  let answer: Reply['answer'];
  try {
    response = await fetch(`${url}/api/v1/${path}`, {
      method: body ? 'POST' : 'GET',
      // A redirect would turn it into a GET.
      redirect: 'manual',
      headers: {
        Authorization: `Bearer ${token}`,
        'Content-Type': 'application/json',
        ...(tenant === undefined ? {} : { 'X-Tenant-ID': tenant }),
      },
      ...(body ? { body: JSON.stringify(body) } : {}),
      signal: AbortSignal.any([AbortSignal.timeout(patience), ...(signal ? [signal] : [])]),
    });
    answer = jsonOf(await response.text());
  } catch (error) {
    throw new Unavailable(`${url} does not answer (${reasonOf(error as Error)}).`, { cause: error });
  }
  if (!response.ok) throw refusal(url, response, answer);
  return { status: response.status, answer };
}

const notOurs = (url: string, told: string): Unavailable =>
  new Unavailable(`${url} is not an Assetra daemon, or an older one (${told}). Correct --server.`);

/** Only what our own API says of the scan itself is final: a proxy, a token or an address can be mended. */
function refusal(url: string, response: Response, answer: Record<string, unknown> | undefined): AppError {
  const { status } = response;
  const told = sentenceOf(answer) || `status ${status}`;
  const later = (message: string) => new Unavailable(message);
  if (status === 429)
    return new TooMany(`${url} asks to wait: ${told}`, Number(response.headers.get('Retry-After')) || 1);
  if (status === 401) return later(`${url} refuses the token: ${told} Make a new one with \`assetra token add\`.`);
  if (status === 403)
    return later(
      `${url} does not let this token record scans: ${told} It needs the role operator, and --tenant its tenant.`,
    );
  const elsewhere = response.headers.get('Location');
  if (status >= 300 && status < 400 && elsewhere)
    return later(`${url} sends to ${elsewhere}. Name the address behind it with --server.`);
  if (status === 404 || status === 405 || (status >= 300 && status < 400)) return notOurs(url, told);
  if (status >= 500 || [408, 425].includes(status) || !isOurs(answer))
    return later(`${url} cannot record now: ${told}`);
  return new AppError('refused', status, told);
}

/** As our errors are: a sentence, or messages by field. */
const isOurs = (answer: Record<string, unknown> | undefined): boolean =>
  answer !== undefined &&
  (typeof answer.detail === 'string' ||
    (Object.keys(answer).length > 0 && Object.values(answer).every((value) => typeof value === 'object')));

function jsonOf(text: string): Record<string, unknown> | undefined {
  try {
    const body: unknown = JSON.parse(text);
    return typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function sentenceOf(answer: Record<string, unknown> | undefined): string {
  if (!answer) return '';
  if (typeof answer.detail === 'string') return answer.detail;
  const fields = Object.entries(answer).map(
    ([field, messages]) => `${field}: ${[messages].flat().map(shown).join(' ')}`,
  );
  return fields.join('; ').slice(0, 500);
}

const shown = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

/** undici wraps what happened. */
function reasonOf(error: Error): string {
  const cause = error.cause as NodeJS.ErrnoException | undefined;
  if (error.name === 'TimeoutError') return 'too slow';
  const reason = cause?.code ?? cause?.message ?? error.message;
  if (cause?.code === 'ERR_TLS_CERT_ALTNAME_INVALID') return `${reason}: its certificate is for another name than this`;
  return /CERT|SIGNATURE|ISSUER/.test(reason)
    ? `${reason}: this machine does not trust its certificate; put the site's CA into a file and name that in NODE_EXTRA_CA_CERTS`
    : reason;
}
