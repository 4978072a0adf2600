import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server as HttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createLine, type Server as Line, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import type { Recorded } from '../../src/stations/answer.ts';
import { DeviceHost } from '../../src/stations/host.ts';
import { type TestApp, testApp } from '../support/app.ts';
import { until } from '../support/pty.ts';

/** How the way to the daemon behaves. */
type Weather =
  | 'fine'
  | 'away'
  | 'silent'
  | 'lost answers'
  | 'proxy error'
  | 'busy'
  | 'other token'
  | 'redirect'
  | 'other server';

let app: TestApp;
let token: string;
let weather: Weather;
let gate: HttpServer;
let address: string;
let line: Line;
let sockets: Socket[];
let dir: string;
let host: DeviceHost | undefined;
let answers: (Recorded & { code: string })[];
let refusals: string[];
let delays: string[];
let requests: number;

beforeAll(async () => {
  app = await testApp('sqlite');
  token = (await app.call('POST', 'tokens/', { body: { name: 'Dock host', role: 'operator' } })).body.token;
  for (const asset_tag of ['A-1', 'A-2']) await app.call('POST', 'assets/', { body: { asset_tag, name: 'Drill' } });
  gate = createServer((request, response) => pass(request, response));
  gate.listen(0, '127.0.0.1');
  await once(gate, 'listening');
  address = `http://127.0.0.1:${(gate.address() as { port: number }).port}`;
});
afterAll(async () => {
  gate.closeAllConnections();
  gate.close();
  await app.close();
});

beforeEach(async () => {
  weather = 'fine';
  answers = [];
  refusals = [];
  delays = [];
  sockets = [];
  requests = 0;
  dir = mkdtempSync(join(tmpdir(), 'assetra-host-'));
  line = createLine((socket) => void sockets.push(socket));
  line.listen(0, '127.0.0.1');
  await once(line, 'listening');
});
afterEach(async () => {
  await host?.stop();
  host = undefined;
  for (const socket of sockets) socket.destroy();
  line.close();
  rmSync(dir, { recursive: true, force: true });
});

async function pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
  requests += 1;
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part);
  if (weather === 'silent') return;
  if (weather === 'away') return void request.socket.destroy();
  const say = (status: number, body: string, headers = {}) => response.writeHead(status, headers).end(body);
  if (weather === 'proxy error') return void say(400, '<html>Bad gateway configuration</html>');
  if (weather === 'busy') return void say(429, '{"detail":"Slow down."}', { 'Retry-After': '1' });
  if (weather === 'redirect') return void say(301, '', { Location: 'https://elsewhere.example/' });
  if (weather === 'other server') return void say(200, '{"hello":"world"}');
  const headers = { ...request.headers, host: undefined, connection: undefined } as never as Record<string, string>;
  const sent = Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined));
  if (weather === 'other token') sent.authorization = 'Bearer ast_wrong';
  const answer = await fetch(app.url + request.url, {
    method: request.method!,
    headers: sent,
    ...(request.method === 'GET' ? {} : { body: Buffer.concat(parts) }),
  });
  const text = await answer.text();
  if (weather === 'lost answers') return void request.socket.destroy();
  say(answer.status, text, { 'Content-Type': 'application/json' });
}

async function startHost(settings: object = {}, server: object = { tenant: String(app.plant.id) }): Promise<void> {
  const { port } = line.address() as { port: number };
  host = new DeviceHost({
    server: { url: address, token, ...server },
    devices: [
      {
        name: 'Dock 3',
        kind: 'tcp',
        path: `tcp://127.0.0.1:${port}`,
        location: '',
        settings: { duplicate_window_ms: 0, ...settings },
      },
    ],
    dir,
    recorded: (_, { raw_value: code }, answer) => answers.push({ ...answer, code }),
    refused: (_, { raw_value }, reason) => refusals.push(`${raw_value.slice(0, 10)}: ${reason}`),
    delayed: (_, reason) => delays.push(reason),
    state: () => undefined,
  });
  await host.start();
  const before = sockets.length;
  await until(() => sockets.length > before || sockets.length > 0, 'the host to connect');
}

const type = (...codes: string[]) => sockets.at(-1)!.write(codes.map((code) => `${code}\r`).join(''));
const answered = (count: number) => until(() => answers.length >= count, `${count} answers, not ${answers.length}`);
const stored = async (code: string) => (await app.call('GET', `scan-events/?search=${code}`)).body.results;
const waiting = () => host!.health()[0]!.waiting;

it('records scans at the daemon, tells the answers, and keeps the mode', async () => {
  await startHost();
  type('A-1', 'CMD:CHECK-IN', 'A-1', 'CMD:DONE', 'A-1');
  await answered(5);
  expect(answers.map(({ outcome }) => outcome)).toEqual(['recorded', 'command', 'refused', 'command', 'recorded']);
  expect(answers[2]).toMatchObject({ mode: 'check_in', message: 'This asset is not checked out.' });
  expect(host!.health()[0]).toMatchObject({ mode: 'record', last_outcome: 'recorded', scans: 5, waiting: 0 });
  const [scan] = await stored('A-1');
  expect(scan).toMatchObject({ source_type: 'external_scanner', scanner_label: 'token:Dock host' });
});

it.each([
  ['away', /does not answer/],
  ['proxy error', /cannot record now/],
  ['busy', /asks to wait: Slow down/],
  ['other token', /refuses the token/],
  ['redirect', /sends to https:\/\/elsewhere\.example\/\. Name the address/],
  ['other server', /not an Assetra daemon/],
] as [Weather, RegExp][])(
  'keeps scans on disk when the daemon is %s, and records each once in order',
  async (bad, words) => {
    await startHost();
    weather = bad;
    const codes = Array.from({ length: 5 }, (_, index) => `${bad.replace(' ', '')}-${index}`);
    type(...codes);
    await until(() => delays.length > 0 && waiting() === 5, 'the scans to wait');
    expect(delays[0]).toMatch(words);
    weather = 'fine';
    await answered(5);
    expect(answers.map(({ code }) => code)).toEqual(codes);
    for (const code of codes) expect(await stored(code)).toHaveLength(1);
    expect(refusals).toEqual([]);
  },
);

it('records once what was answered into the void', async () => {
  await startHost({ mode: 'check_in' });
  weather = 'lost answers';
  type('VOID-1', 'VOID-2');
  await until(() => requests >= 3, 'the scan to be sent again');
  weather = 'fine';
  await answered(2);
  expect(answers[0]).toMatchObject({ code: 'VOID-1', outcome: 'unknown' });
  for (const code of ['VOID-1', 'VOID-2']) expect(await stored(code)).toHaveLength(1);
});

it('sends after a restart what it had on disk, and each once', async () => {
  await startHost();
  weather = 'away';
  type('NIGHT-1', 'NIGHT-2');
  await until(() => waiting() === 2, 'the scans to wait');
  await host!.stop();
  weather = 'fine';
  await startHost();
  await answered(2);
  for (const code of ['NIGHT-1', 'NIGHT-2']) expect(await stored(code)).toHaveLength(1);
  expect(host!.forgotten()).toEqual([]);
  writeFileSync(join(dir, 'spool', 'host-done.jsonl'), '');
  writeFileSync(join(dir, 'spool', 'host-gone.jsonl'), '{}\n');
  expect(host!.forgotten()).toEqual([join(dir, 'spool', 'host-gone.jsonl')]);
});

it('puts aside what the daemon refuses for good, and goes on, whatever was sent along with it', async () => {
  await startHost();
  weather = 'away';
  type('A-1', 'B-1', 'x'.repeat(600), 'C-1', 'A-2');
  await until(() => waiting() === 5, 'the scans to wait');
  weather = 'fine';
  await answered(4);
  expect(answers.map(({ code }) => code)).toEqual(['A-1', 'B-1', 'C-1', 'A-2']);
  expect(refusals).toEqual([expect.stringMatching(/^xxxxxxxxxx: raw_value: .*512/)]);
  const [file] = readdirSync(join(dir, 'spool')).filter((name) => name.endsWith('.quarantine'));
  expect(JSON.parse(readFileSync(join(dir, 'spool', file!), 'utf8'))).toMatchObject({
    raw_value: 'x'.repeat(600),
    reason: expect.stringContaining('512'),
  });
});

it('goes on past a refused one in the mode that was begun before it, however the rest was parted', async () => {
  await startHost();
  weather = 'away';
  type('CMD:CHECK-IN', 'A-1', 'A-2', 'x'.repeat(600), 'A-1', 'CMD:DONE', 'A-2');
  await until(() => waiting() === 7, 'the scans to wait');
  weather = 'fine';
  await answered(6);
  expect(answers.map(({ outcome }) => outcome)).toEqual([
    'command',
    ...Array(3).fill('refused'),
    'command',
    'recorded',
  ]);
  expect(answers.map(({ mode }) => mode)).toEqual([...Array(4).fill('check_in'), 'record', 'record']);
});

it('sends what has waited many at a time', async () => {
  await startHost();
  weather = 'away';
  type(...Array.from({ length: 250 }, (_, index) => `HEAP-${index}`));
  await until(() => waiting() === 250, 'the scans to wait');
  const before = requests;
  weather = 'fine';
  await answered(250);
  expect(answers.map(({ code }) => code)).toEqual(Array.from({ length: 250 }, (_, index) => `HEAP-${index}`));
  expect(requests - before).toBeLessThan(25);
});

it('asks for the tenant of its token only when the daemon is there', async () => {
  weather = 'away';
  await startHost({}, {});
  type('BOOT-1');
  await until(() => waiting() === 1 && delays.length > 0, 'the scan to wait');
  weather = 'fine';
  await answered(1);
  expect(await stored('BOOT-1')).toHaveLength(1);
});

it('does after a restart with what waited what it would have done before', async () => {
  await startHost();
  type('CMD:CHECK-IN');
  await answered(1);
  weather = 'away';
  type('A-1');
  await until(() => waiting() === 1, 'the scan to wait');
  await host!.stop();
  weather = 'fine';
  await startHost();
  await answered(2);
  expect(answers[1]).toMatchObject({ mode: 'check_in', outcome: 'refused' });
});

it('ends without the answer of a daemon that says nothing, and sends the scan at the next start', async () => {
  await startHost();
  weather = 'silent';
  const before = requests;
  type('MUTE-1');
  await until(() => requests > before, 'the scan to be sent');
  let stopped = false;
  host!.stop().then(() => {
    stopped = true;
  });
  await until(() => stopped, 'the host to end', 10_000);
  weather = 'fine';
  await startHost();
  await answered(1);
  expect(await stored('MUTE-1')).toHaveLength(1);
});

it('is alone over its folder, whatever that is called', async () => {
  await startHost();
  const first = host!;
  await expect(startHost()).rejects.toThrow(/Another `assetra devices run`/);
  await host!.stop();
  const folder = dir;
  dir = `${folder}-link`;
  symlinkSync(folder, dir);
  try {
    await expect(startHost()).rejects.toThrow(/Another `assetra devices run`/);
  } finally {
    rmSync(dir);
    dir = folder;
  }
  await host!.stop();
  host = first;
});
