/** What callers say to a daemon on a restored site. */
import { Daemon } from '../support/faults/daemon.ts';

export type RunningDaemon = Daemon;

export const startDaemon = (dir: string): Promise<Daemon> => new Daemon(dir, { flags: ['--no-devices'] }).start();

export interface Answer {
  status: number;
  retryAfter: string | null;
  // biome-ignore lint/suspicious/noExplicitAny: tests read what they expect.
  body: any;
}

export async function call(
  { address }: RunningDaemon,
  token: string,
  method: string,
  path: string,
  body?: object,
): Promise<Answer> {
  const headers: Record<string, string> = { 'X-Tenant-ID': '1' };
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body) headers['Content-Type'] = 'application/json';
  const answer = await fetch(`${address}/api/v1/${path}`, {
    method,
    headers,
    ...(body && { body: JSON.stringify(body) }),
  });
  return {
    status: answer.status,
    retryAfter: answer.headers.get('Retry-After'),
    body: await answer.json().catch(() => null),
  };
}
