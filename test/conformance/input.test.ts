/** Bad input at every route: a 4xx in the contract's shape, nothing half written, never a 500. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { operations } from '../../src/domain/resources.ts';
import type { Operation } from '../../src/resource/serve.ts';
import { type TestApp, testApp } from '../support/app.ts';
import { onEveryDatabase } from '../support/databases.ts';
import { createRow, hasRow, hasSample, sampleOf } from '../support/samples.ts';

const withBody = operations.filter(({ body }) => body !== undefined);
const lists = operations.filter(({ kind }) => kind === 'page');
const shapeOf = ({ body }: Operation): string[] => Object.keys((body as { shape?: object }).shape ?? {});

const nasty: unknown[] = [
  null,
  true,
  -1,
  0.5,
  1e308,
  2 ** 53,
  '',
  ' ',
  'x'.repeat(100_000),
  'a\0b',
  'a\u001bb',
  '\ud800',
  '2026-02-30T00:00:00Z',
  '2026-13-01T00:00:00Z',
  '0000-00-00T00:00:00Z',
  "'; DROP TABLE assets; --",
  '{{constructor}}',
  [],
  [[]],
  {},
  { __proto__: null, constructor: 1 },
  ['x', 1, null],
];

onEveryDatabase('bad input', (dialect) => {
  let app: TestApp;
  const ids = new Map<string, number>();
  beforeAll(async () => {
    app = await testApp(dialect);
    for (const tag of new Set(operations.map((operation) => operation.tag)))
      if (hasRow(tag)) ids.set(tag, await createRow(app, tag, app.plant));
  }, 120_000);
  afterAll(() => app.close());

  const pathOf = ({ path }: Operation) => {
    const id = ids.get(path.split('/:')[0]!) ?? 1;
    return `${path.replace(':id', String(id)).replace(/:\w+/g, 'none')}/`;
  };

  describe.each(withBody)('$method $path', (operation) => {
    const send = (call: object) => app.call(operation.method, pathOf(operation), call);

    it.each(['{', '{"a":', '[1,', '\u0000', '"text"', '{"a":1}}', "{'a':1}"])(
      'answers broken JSON %s with 400',
      async (raw) => {
        const { status, body } = await send({ raw });
        expect(status).toBe(400);
        expect(typeof body).toBe('object');
      },
    );

    it('reads JSON objects alone, of a bounded size and depth', async () => {
      expect((await send({ raw: '[]' })).status).toBe(400);
      expect(
        (await send({ raw: 'a=1', headers: { 'Content-Type': 'application/x-www-form-urlencoded' } })).status,
      ).toBe(415);
      for (const coding of ['gzip', 'deflate', 'br'])
        expect((await send({ raw: '{}', headers: { 'Content-Encoding': coding } })).status).toBe(400);
      expect((await send({ raw: '{}', headers: { 'Content-Encoding': 'nonsense' } })).status).toBe(415);
      expect((await send({ raw: Buffer.alloc(10 * 1024 * 1024, 'x') })).status).toBe(413);
      const deep = `{"metadata":${'{"a":'.repeat(500)}1${'}'.repeat(500)}}`;
      expect((await send({ raw: deep })).status).toBe(400);
    });

    it('answers every nasty value in every field with less than 500', async () => {
      for (const field of shapeOf(operation)) {
        for (const value of nasty) {
          const sample = hasSample(operation.tag) ? sampleOf(operation.tag, app) : {};
          const { status, body } = await send({ body: { ...sample, [field]: value } });
          expect(status, `${field} = ${JSON.stringify(value)?.slice(0, 80)}`).toBeLessThan(500);
          if (status === 400 && operation.id !== 'assets.bulk') expect(Object.keys(body).length).toBeGreaterThan(0);
        }
      }
    }, 120_000);

    it('accepts no 5xx for any generated body', async () => {
      const fields = shapeOf(operation);
      const body = fc.dictionary(
        fc.constantFrom('id', 'tenant', ...fields),
        fc.oneof(fc.jsonValue(), fc.constantFrom(...nasty.slice(0, 8))),
      );
      await fc.assert(
        fc.asyncProperty(body, async (generated) => {
          const sample = hasSample(operation.tag) ? sampleOf(operation.tag, app) : {};
          expect((await send({ body: { ...sample, ...generated } })).status).toBeLessThan(500);
        }),
        { numRuns: 15 },
      );
    });
  });

  describe.each(lists)('$method $path', (operation) => {
    it.each([
      'nonsense=1',
      'ordering=nonsense',
      'ordering=password_hash',
      'page=0',
      'page=-1',
      'page=x',
      'page=99999999999999999999',
      'page_size=501',
      'page_size=0',
      'page=1&page=2',
      'cursor=!!!',
      'cursor=WyJpZCIsMSwxXQ&ordering=-id',
      'search=%00',
      `search=${'x'.repeat(201)}`,
    ])('refuses ?%s by name', async (query) => {
      const { status, body } = await app.call('GET', `${pathOf(operation)}?${query}`);
      const refused = operation.resource!.search || !query.startsWith('search=x');
      expect([status, Object.keys(body)]).toEqual(
        refused || query.length > 200 ? [400, [query.split('=')[0]]] : [400, ['search']],
      );
    });

    it('accepts tenant, format and _ without a meaning', async () => {
      expect((await app.call('GET', `${pathOf(operation)}?tenant=1&format=json&_=123`)).status).toBe(200);
    });

    it('answers 404 beyond the last page', async () => {
      expect((await app.call('GET', `${pathOf(operation)}?page=4000`)).status).toBe(404);
    });
  });

  it('answers what it does not know with 404 and 405 in the contract shape', async () => {
    expect((await app.call('GET', 'nothing/')).body).toEqual({ detail: 'Not found.' });
    expect((await app.call('GET', '/')).status).toBe(404);
    expect((await app.call('DELETE', 'assets/')).body).toEqual({ detail: 'Method "DELETE" not allowed.' });
    expect((await app.call('PUT', 'auth/token/', { body: {} })).status).toBe(405);
    expect((await app.call('GET', 'assets/%E0%A4%A/')).status).toBeLessThan(500);
  });
});
