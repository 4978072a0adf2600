import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { until } from '../support/pty.ts';
import { assetra, ensureBuilt, program } from './spawn.ts';

const dir = join(mkdtempSync(join(tmpdir(), 'assetra-webhooks-')), 'site');
const env = { ASSETRA_WEBHOOK_ALLOWED_HOSTS: 'loopback' };

interface Running {
  lines: string[];
  stop(): Promise<number | null>;
}

/** A command that goes on until it is told to end; its lines of output and of remarks alike. */
function start(args: string[]): Running {
  const child = spawn(process.execPath, [program, ...args], { env: { PATH: process.env.PATH, ...env } });
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr])
    createInterface({ input: stream }).on('line', (line) => lines.push(line));
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const stop = () => {
    child.kill('SIGTERM');
    return ended;
  };
  return { lines, stop };
}

const run = async (args: string[], more = {}) => {
  const { stdout, ...rest } = await assetra([...args, '--dir', dir, '--json'], { env, ...more });
  return { ...rest, body: stdout ? JSON.parse(stdout) : undefined };
};

/** A URL that the sink listens at. */
async function sink(args: string[] = []): Promise<Running & { url: string }> {
  const running = start(['simulate', 'sink', '--secret', 'hush', ...args]);
  await until(() => running.lines.some((line) => line.includes('Receiving')), 'the sink');
  return { ...running, url: /http:\S+/.exec(running.lines.join(' '))![0] };
}

beforeAll(async () => {
  ensureBuilt();
  const init = ['init', '--yes', '--tenant', 'Plant 1', '--admin', 'alice', '--password-stdin'];
  expect((await run(init, { input: 'a good long pass phrase' })).code).toBe(0);
}, 120_000);
afterAll(() => rmSync(dir, { recursive: true, force: true }));

it('tries an endpoint, rotates its secret, and sends dead letters again', async () => {
  const daemon = start(['serve', '--dir', dir, '--port', '0', '--no-devices']);
  const receiver = await sink(['--mode', '410']);
  try {
    await until(() => daemon.lines.some((line) => line.includes('listening')), 'the daemon', 20_000);
    const address = JSON.parse(daemon.lines.find((line) => line.includes('listening'))!).address as string;
    const token = (await run(['token', 'add', 'erp', '--tenant', '1', '--role', 'admin'])).body.token as string;
    const call = async (method: string, path: string, body: object) =>
      (
        await fetch(`${address}/api/v1/${path}`, {
          method,
          body: JSON.stringify(body),
          headers: { Authorization: `Bearer ${token}`, 'X-Tenant-ID': '1', 'Content-Type': 'application/json' },
        })
      ).json() as Promise<{ id: number; is_active: boolean }>;
    const { id } = await call('POST', 'webhooks/', {
      name: 'Sink',
      url: receiver.url,
      secret: 'hush',
      events: ['webhook.created'],
    });
    const list = async (): Promise<{ id: number; reason: string }[]> => (await run(['deadletter', 'list'])).body;
    await until(async () => (await list()).length > 0, 'a dead letter');
    const [letter] = await list();
    expect(letter).toMatchObject({ type: 'delivery', endpoint_id: id, name: 'webhook.created', reason: 'gone' });
    expect((await run(['deadletter', 'show', String(letter!.id)])).body.attempts_made).toMatchObject([
      { response_code: 410 },
    ]);

    const shown = await assetra(['deadletter', 'show', String(letter!.id), '--dir', dir], { env });
    expect(shown.stdout).toContain('gone: HTTP 410');
    expect((await run(['deadletter', 'replay', '--all', '--dry-run'])).body).toMatchObject({ deliveries: 0, left: 1 });

    const refused = await run(['webhook', 'test', String(id), '--tenant', 'plant-1']);
    expect([refused.code, refused.body.status, refused.body.reason]).toEqual([1, 410, 'gone']);
    const unknown = await assetra(['webhook', 'test', 'Sank', '--tenant', '1', '--dir', dir], { env });
    expect([unknown.code, unknown.stderr]).toEqual([1, expect.stringContaining(`There are: ${id} Sink.`)]);
    expect((await run(['deadletter', 'list', '--endpoint', 'Sink'])).body).toHaveLength(1);
    const healthy = await sink();
    await call('PATCH', `webhooks/${id}/`, { url: healthy.url, is_active: true });
    const taken = await run(['webhook', 'test', 'Sink', '--tenant', 'plant-1']);
    expect([taken.code, taken.body.delivered, taken.body.status]).toEqual([0, true, 200]);
    expect(healthy.lines.join('\n')).toContain('signature right, standard right');

    expect((await run(['deadletter', 'replay'])).code).toBe(2);
    expect((await run(['deadletter', 'replay', '999999'])).code).toBe(1);
    expect((await run(['deadletter', 'replay', '--all', '--dry-run'])).body).toEqual({
      dry_run: true,
      deliveries: 1,
      jobs: 0,
      left: 0,
    });
    expect((await run(['deadletter', 'replay', '--all'])).body).toEqual({ deliveries: 1, jobs: 0, left: 0 });
    await until(() => healthy.lines.some((line) => line.includes('webhook.created')), 'the replayed one');
    expect(await list()).toEqual([]);

    const rotated = (await run(['webhook', 'rotate', String(id), '--tenant', '1'])).body;
    expect(rotated).toMatchObject({ state: 'next', standard_secret: expect.stringMatching(/^whsec_/) });
    expect((await run(['webhook', 'rotate', String(id), '--tenant', '1'])).code).toBe(1);
    expect((await run(['webhook', 'rotate', String(id), '--tenant', '1', '--promote'])).body.state).toBe('current');
    const back = await run(['webhook', 'rotate', String(id), '--tenant', '1', '--now', '--secret-stdin'], {
      input: 'hush\n',
    });
    expect(back.body).not.toHaveProperty('secret');
    expect(JSON.stringify(daemon.lines)).not.toContain('hush');
    await healthy.stop();
  } finally {
    await receiver.stop();
    expect(await daemon.stop()).toBe(0);
  }
}, 240_000);
