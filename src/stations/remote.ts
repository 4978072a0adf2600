/** Scans of a device host, sent to a daemon elsewhere, one after the other. */
import { AppError, TooMany, Unavailable } from '../base/errors.ts';
import type { Answer, ModeState } from '../domain/devices/service.ts';
import type { RecordScan } from './station.ts';

export interface Server {
  /** Base URL, such as `https://assetra.example:8000`. */
  url: string;
  token: string;
  /** Slug or id of the tenant that the token is of. */
  tenant: string;
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

/** Throws an AppError with the server's status for a scan that it refuses, and Unavailable for whatever time may cure. */
export function remoteRecorder(server: Server, device: RemoteDevice): RecordScan {
  const { name, ...settings } = device;
  let state: ModeState | null = null;
  return async (scan) => {
    const answer = await send(server, { ...scan, ...settings, device: name, state });
    state = answer.state;
    return { ...answer, status: answer.scan.status, asset: answer.scan.asset };
  };
}

async function send({ url, token, tenant }: Server, body: object): Promise<Answer> {
  let response: Response;
  try {
    response = await fetch(`${url}/api/v1/device-scans/`, {
      method: 'POST',
      // A redirect would turn it into a GET.
      redirect: 'manual',
      headers: { Authorization: `Bearer ${token}`, 'X-Tenant-ID': tenant, 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(patience),
    });
  } catch (error) {
    throw new Unavailable(`${url} does not answer (${reasonOf(error as Error)}).`, { cause: error });
  }
  const answer = await jsonOf(response);
  if (response.ok && typeof answer?.outcome === 'string') return answer as unknown as Answer;
  throw refusal(url, response, answer);
}

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
  if (status === 404 || status === 405 || (status >= 300 && status < 400) || response.ok)
    return later(`${url} is not an Assetra daemon, or an older one (${told}). Correct --server.`);
  if (status >= 500 || [408, 425].includes(status) || !answer) return later(`${url} cannot record now: ${told}`);
  return new AppError('refused', status, told);
}

async function jsonOf(response: Response): Promise<Record<string, unknown> | undefined> {
  try {
    const body: unknown = await response.json();
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
  return error.name === 'TimeoutError' ? 'too slow' : (cause?.code ?? cause?.message ?? error.message);
}
