/** `assetra serve` as a child, and what callers say to it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { until } from '../support/pty.ts';
import { program } from './spawn.ts';

export interface RunningDaemon {
  address: string;
  stop(): Promise<void>;
}

export interface Answer {
  status: number;
  retryAfter: string | null;
  // biome-ignore lint/suspicious/noExplicitAny: tests read what they expect.
  body: any;
}

export async function startDaemon(dir: string): Promise<RunningDaemon> {
  const child = spawn(process.execPath, [program, 'serve', '--dir', dir, '--port', '0', '--no-devices'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH },
  });
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    err += text;
  });
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
  await until(() => out.includes('\n') || hasEnded(child), 'the first line of the daemon', 30_000);
  if (hasEnded(child)) throw new Error(`The daemon ended at once: ${err}`);
  const stop = () => {
    if (!hasEnded(child)) child.kill('SIGTERM');
    return closed;
  };
  return { address: JSON.parse(out.split('\n')[0]!).address, stop };
}

const hasEnded = ({ exitCode, signalCode }: ChildProcess) => exitCode !== null || signalCode !== null;

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
