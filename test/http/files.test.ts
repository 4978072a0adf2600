import { once } from 'node:events';
import { get } from 'node:http';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type TestApp, testApp } from '../support/app.ts';

let app: TestApp;
let batch: number;
let token: string;
beforeAll(async () => {
  app = await testApp('sqlite');
  const body = { prefix: 'F-', start_sequence: 1, end_sequence: 2_000 };
  batch = (await app.call('POST', 'barcode-batches/', { body })).body.id;
  token = (await app.call('POST', 'tokens/', { body: { name: 'reader', role: 'read_only' } })).body.token;
});
afterAll(() => app.close());

const path = (format: string) => `barcode-batches/${batch}/${format}/`;

it('a file tells its type and name, and its HEAD the same', async () => {
  for (const [format, type] of [
    ['pdf', 'application/pdf'],
    ['zpl', 'application/vnd.zebra-zpl'],
  ] as const)
    for (const method of ['GET', 'HEAD']) {
      const { status, headers } = await app.call(method, `${path(format)}?to=3`);
      expect([status, headers.get('Content-Type')]).toEqual([200, type]);
      expect(headers.get('Content-Disposition')).toBe(`inline; filename="batch-${batch}.${format}"`);
    }
});

it.each(['pdf', 'zpl'])('a reader of %s who goes away takes the drawing along, and the API goes on', async (format) => {
  const headers = { Authorization: `Bearer ${token}`, 'X-Tenant-ID': 'plant' };
  const request = get(`${app.url}/api/v1/${path(format)}`, { headers });
  const [answer] = await once(request, 'response');
  await once(answer, 'readable');
  request.destroy();
  expect((await app.call('GET', path('labels'))).body.count).toBe(2_000);
});
