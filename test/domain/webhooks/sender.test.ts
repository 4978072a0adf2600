import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTls } from 'node:tls';
import { afterEach, expect, it } from 'vitest';
import { AddressPolicy } from '../../../src/base/address-policy.ts';
import { type Mode, Receiver } from '../../../src/cli/simulate/receiver.ts';
import { outcomeOf } from '../../../src/domain/webhooks/outcome.ts';
import { Sender, type SenderOptions } from '../../../src/domain/webhooks/sender.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

function sender(options: Partial<SenderOptions> = {}): Sender {
  const made = new Sender({ policy: new AddressPolicy(['loopback']), timeoutSeconds: 1, ...options });
  closing.push(() => made.close());
  return made;
}

async function receiver(mode: Mode): Promise<{ url: string; sink: Receiver }> {
  const sink = new Receiver({ mode });
  closing.push(() => sink.stop());
  return { url: await sink.start(), sink };
}

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => server.close());
  return (server.address() as { port: number }).port;
}

const message = (url: string) => ({
  url,
  headers: { 'Content-Type': 'application/json' },
  body: Buffer.from('{"a":1}'),
});
const judged = async (url: string, from = sender()) => {
  const answer = await from.send(message(url));
  return { answer, outcome: outcomeOf(answer, new Date()) };
};

it('delivers, keeps the connection, and says where to and what was answered', async () => {
  const { url, sink } = await receiver('ok');
  const from = sender();
  for (let count = 0; count < 3; count += 1)
    expect((await judged(url, from)).answer).toMatchObject({ status: 200, body: 'ok', ip: '127.0.0.1' });
  expect(sink.received.map(({ body }) => body)).toEqual(['{"a":1}', '{"a":1}', '{"a":1}']);
});

it.each<[Mode, string]>([
  ['hang', 'timeout'],
  ['hang-body', 'timeout'],
  ['drip', 'timeout'],
  ['slow', 'timeout'],
  ['reset', 'reset'],
  ['reset-body', 'reset'],
  ['garbage', 'bad_response'],
  ['redirect', 'http_3xx'],
  ['400', 'http_4xx'],
  ['429', 'http_4xx'],
  ['500', 'http_5xx'],
  ['gzip-bomb', 'http_5xx'],
])('a receiver that fails by %s is tried again: %s', async (mode, reason) => {
  const { url, sink } = await receiver(mode);
  const { outcome, answer } = await judged(url);
  expect(outcome).toMatchObject({ verdict: 'retry', reason, flagged: ['redirect', '400'].includes(mode) });
  expect(sink.received).toHaveLength(1);
  expect(answer.body.length).toBeLessThanOrEqual(5_000);
});

it.each<[Mode, string]>([
  ['410', 'gone'],
  ['abort', 'aborted'],
])('a receiver that answers %s is not tried again', async (mode, reason) => {
  const { url } = await receiver(mode);
  expect((await judged(url)).outcome).toMatchObject({ verdict: 'dead', reason });
});

it('reads a beginning of a huge answer and hangs up', async () => {
  const { url } = await receiver('huge');
  const before = process.memoryUsage().rss;
  const { answer, outcome } = await judged(url);
  expect(outcome).toEqual({ verdict: 'success' });
  expect(answer.body).toBe('x'.repeat(5_000));
  expect(answer.ms).toBeLessThan(900);
  expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1024 ** 2);
});

it('follows no redirect, and tells where it led', async () => {
  const { url } = await receiver('redirect');
  expect((await judged(url)).outcome).toMatchObject({
    error: expect.stringContaining('http://169.254.169.254/latest'),
  });
});

it.each<[Mode, number, number]>([
  ['429', 7, 7],
  ['429-date', 28, 30],
])('hears Retry-After of %s', async (mode, least, most) => {
  const { url } = await receiver(mode);
  const { outcome } = await judged(url);
  const { retryAfter } = outcome as { retryAfter: number };
  expect(retryAfter).toBeGreaterThanOrEqual(least);
  expect(retryAfter).toBeLessThanOrEqual(most);
});

it('names a port where nobody listens', async () => {
  const port = await listening(createServer());
  await closing.pop()!();
  const { outcome, answer } = await judged(`http://127.0.0.1:${port}/`);
  expect(outcome).toMatchObject({ reason: 'refused' });
  expect(answer.ip).toBe('127.0.0.1');
});

it('gives up in time although the name is never looked up', async () => {
  const { outcome } = await judged('http://nowhere.example/', sender({ lookup: (() => undefined) as never }));
  expect(outcome).toMatchObject({ verdict: 'retry', reason: 'timeout' });
});

it('waits for the answer that others announce', async () => {
  const port = await listening(
    createServer((socket) =>
      socket.once('data', () =>
        socket.write(
          'HTTP/1.1 103 Early Hints\r\nretry-after: 9\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok',
        ),
      ),
    ),
  );
  const { answer, outcome } = await judged(`http://127.0.0.1:${port}/`);
  expect(outcome).toEqual({ verdict: 'success' });
  expect(answer).toMatchObject({ status: 200, body: 'ok', retryAfter: '' });
});

it('names a name that does not resolve', async () => {
  const lookup = ((_host: string, _options: object, done: (error: Error) => void) =>
    done(Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' }))) as never;
  expect((await judged('http://nowhere.example/', sender({ lookup }))).outcome).toMatchObject({ reason: 'dns' });
});

it('trusts no certificate that nobody vouches for, nor speaks TLS to what does not', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'assetra-tls-'));
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1'];
  execFileSync(
    'openssl',
    ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', ...subject, '-keyout', key, '-out', cert],
    { stdio: 'ignore' },
  );
  const secure = createTls({ key: readFileSync(key), cert: readFileSync(cert) }, (socket) => socket.end());
  secure.on('tlsClientError', () => undefined);
  rmSync(folder, { recursive: true });
  const from = sender();
  const selfSigned = await judged(`https://127.0.0.1:${await listening(secure)}/`, from);
  expect(selfSigned.outcome).toMatchObject({ reason: 'tls', error: expect.stringContaining('SELF_SIGNED') });
  const { url } = await receiver('ok');
  expect((await judged(url.replace('http:', 'https:'), from)).outcome).toMatchObject({ reason: 'tls' });
});

it('connects to no address that is not allowed, literal or resolved', async () => {
  const { url, sink } = await receiver('ok');
  const policy = new AddressPolicy(['external', 'private']);
  for (const target of [
    url,
    url.replace('127.0.0.1', 'localhost'),
    'http://169.254.169.254/',
    'http://[::ffff:a9fe:a9fe]/',
  ])
    expect((await judged(target, sender({ policy }))).outcome).toMatchObject({ reason: 'blocked_address' });
  expect(sink.received).toEqual([]);
});

it('uses the address that it checked, when the name leads elsewhere a moment later', async () => {
  const { url } = await receiver('ok');
  let asked = 0;
  const lookup = ((_host: string, _options: object, done: (error: null, found: object[]) => void) => {
    asked += 1;
    done(null, [{ address: asked === 1 ? '127.0.0.1' : '169.254.169.254', family: 4 }]);
  }) as never;
  const from = sender({ lookup, policy: new AddressPolicy(['*']) });
  const target = url.replace('127.0.0.1', 'flip.example');
  expect((await judged(target, from)).outcome).toEqual({ verdict: 'success' });
  // The open connection goes to what was checked; a new one is checked anew.
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect((await judged(target, from)).outcome).toEqual({ verdict: 'success' });
  expect(asked).toBe(1);
  await from.close();
  const { outcome, answer } = await judged(target, from);
  expect(outcome).toMatchObject({ reason: 'blocked_address' });
  expect(answer.ip).toBe('169.254.169.254');
  expect(asked).toBe(2);
});

it('leaves out the refused ones of several addresses', async () => {
  const { url } = await receiver('ok');
  const lookup = ((_host: string, _options: object, done: (error: null, found: object[]) => void) =>
    done(null, [
      { address: '169.254.169.254', family: 4 },
      { address: '127.0.0.1', family: 4 },
    ])) as never;
  expect((await judged(url.replace('127.0.0.1', 'two.example'), sender({ lookup }))).outcome).toEqual({
    verdict: 'success',
  });
});

it('stops at once when the program does', async () => {
  const { url } = await receiver('hang');
  const stop = new AbortController();
  const sending = sender().send(message(url), stop.signal);
  setTimeout(() => stop.abort(new Error('stopping')), 50);
  await expect(sending).rejects.toThrow('stopping');
});
