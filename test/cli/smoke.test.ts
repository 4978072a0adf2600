import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { packageRoot } from '../../src/base/paths.ts';
import { Daemon } from '../support/faults/daemon.ts';
import { type Client, logIn, makeSite, password, type Site } from '../support/faults/site.ts';
import { assetra, ensureBuilt } from './spawn.ts';

let site: Site;
let daemon: Daemon;
let alice: Client;
beforeAll(async () => {
  ensureBuilt();
  site = await makeSite();
  daemon = await new Daemon(site.dir, { flags: ['--no-devices'] }).start();
  alice = await logIn(daemon.address);
}, 300_000);
afterAll(async () => {
  await daemon?.stop();
  site?.remove();
});

const smoke = (...args: string[]) =>
  assetra(['smoke', '--base-url', daemon.address, '--username', 'alice', '--tenant-id', '1', ...args], {
    input: password,
  });

it('walks all eight steps against a running service and leaves nothing behind', async () => {
  const { code, stdout, stderr } = await smoke('--password', password, '--json');
  const report = JSON.parse(stdout);
  expect([code, stderr, report.ok]).toEqual([0, '', true]);
  expect(report.steps.map(({ status }: { status: number }) => status)).toEqual([
    200, 201, 201, 200, 201, 202, 200, 200,
  ]);
  expect((await alice.get('assets/')).body.count).toBe(0);
  expect((await alice.get('webhooks/')).body.count).toBe(0);
});

it('keeps what it made when told so', async () => {
  expect((await smoke('--password-stdin', '--keep')).code).toBe(0);
  expect((await alice.get('assets/')).body.count).toBe(1);
});

it('stops at the first step that fails and says why', async () => {
  const { code, stdout } = await smoke('--password', 'wrong');
  expect(code).toBe(1);
  expect(stdout).toContain('01 Log in: Answered 401 instead of 200');
  expect(stdout).toContain('7 further steps were not tried.');
  const nobody = [
    'smoke',
    '--base-url',
    'http://127.0.0.1:9',
    '--username',
    'a',
    '--password',
    'b',
    '--tenant-id',
    '1',
  ];
  expect(await assetra(nobody)).toMatchObject({ code: 1, stdout: expect.stringContaining('No answer from') });
});

it('says what to look at, and knows its way from the address of the API too', async () => {
  const at = (url: string, tenant = '1') =>
    assetra(['smoke', '--base-url', url, '--username', 'alice', '--password', password, '--tenant-id', tenant]);
  expect((await smoke('--password', 'wrong')).stdout).toContain('Check the name alice and the password.');
  expect((await at(daemon.address, '99')).stdout).toContain('Is alice a member of tenant 99');
  expect((await at(`${daemon.address}/elsewhere`)).stdout).toContain('Is the service at');
  expect((await at(`${daemon.address}/api/v1/`)).code).toBe(0);
  expect(await at(`${daemon.address}/?x=1`)).toMatchObject({ code: 2, stderr: expect.stringContaining('?x=1') });
});

it('tells a half-working service from a whole one', async () => {
  const answers: Record<string, (response: ServerResponse) => void> = {
    moved: (response) => response.writeHead(301, { Location: 'https://plant.example/' }).end(),
    page: (response) => response.end('<html>hello</html>'),
    empty: (response) => response.end('null'),
    cut: (response) => {
      response.writeHead(200, { 'Content-Length': '100' }).write('{');
      setTimeout(() => response.destroy(), 50);
    },
  };
  const server = createServer((request, response) => answers[request.url!.split('/')[1]!]!(response)).listen(0);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const told = async (what: string) => {
    const url = `http://127.0.0.1:${port}/${what}`;
    const flags = ['--username', 'a', '--password', 'b', '--tenant-id', '1', '--json'];
    const { code, stdout } = await assetra(['smoke', '--base-url', url, ...flags]);
    expect(code).toBe(1);
    return JSON.parse(stdout).steps[0].fault;
  };
  expect(await told('moved')).toContain('It points to https://plant.example/');
  expect(await told('page')).toContain('The answer is no JSON: <html>');
  expect(await told('empty')).toContain('The answer has access: undefined');
  expect(await told('cut')).toContain('No answer from');
  server.close();
});

it('wants an address, a user and a tenant', async () => {
  expect((await assetra(['smoke'])).code).toBe(2);
  expect((await assetra(['smoke', '--base-url', 'nowhere', '--username', 'a', '--tenant-id', '1'])).code).toBe(2);
});

it('is what the Postman collection holds', async () => {
  const file = readFileSync(join(packageRoot, 'docs/postman/Assetra.postman_collection.json'), 'utf8');
  expect((await assetra(['postman'])).stdout).toBe(file);
  const { item, variable } = JSON.parse(file);
  expect(item.map(({ name }: { name: string }) => name.slice(0, 2))).toEqual([
    '01',
    '02',
    '03',
    '04',
    '05',
    '06',
    '07',
    '08',
  ]);
  expect(variable.map(({ key }: { key: string }) => key)).toContain('webhookEndpointId');
});
