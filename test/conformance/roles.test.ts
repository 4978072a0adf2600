/** Every route x every role x another tenant, generated from the list of operations and the role table. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Role } from '../../src/db/context.ts';
import { operations } from '../../src/domain/resources.ts';
import { may, roleNames } from '../../src/resource/roles.ts';
import type { Operation } from '../../src/resource/serve.ts';
import { type Call, type TestApp, testApp } from '../support/app.ts';
import { onEveryDatabase } from '../support/databases.ts';
import { createRow, hasRow, hasSample, pathOfTable, pixel, sampleOf } from '../support/samples.ts';

const actor = (role: Role) => ({ kind: 'user', id: 1, label: 'x', role, superuser: false }) as const;
const bodyOf = (operation: Operation, app: TestApp): Call => {
  if (operation.bodyKind === 'image') return { raw: pixel, headers: { 'Content-Type': 'image/png' } };
  if (!operation.body) return {};
  return { body: hasSample(operation.tag) && operation.method !== 'PATCH' ? sampleOf(operation.tag, app) : {} };
};
/** What the operation asks for besides the field under test. */
const requiredOf = (operation: Operation, app: TestApp): object =>
  ({ 'assets.check-out': { assigned_to: app.userId('operator') } })[operation.id] ??
  (operation.method === 'PATCH' ? {} : sampleOf(operation.tag, app));
/** What one may do with a row of one's own alone, unless one is an admin; the rows here are the admin's. */
const onesOwn = ['exports.cancel'];
const rowPath = (operation: Operation) => operation.path.split('/:')[0]!;
const resources = [...new Set(operations.flatMap(({ resource }) => resource ?? []))];

onEveryDatabase('roles and tenants', (dialect) => {
  let app: TestApp;
  /** One row of each creatable resource in each tenant. */
  const rows = new Map<string, { plant: number; other: number }>();
  beforeAll(async () => {
    app = await testApp(dialect);
    for (const tag of new Set(operations.map((operation) => operation.tag))) {
      if (!hasRow(tag)) continue;
      rows.set(tag, { plant: await createRow(app, tag, app.plant), other: await createRow(app, tag, app.other) });
    }
  }, 120_000);
  afterAll(() => app.close());

  const pathOf = (operation: Operation, id: number | string) =>
    `${operation.path.replace(/:id/, String(id)).replace(/:\w+/g, 'none')}/`;

  describe.each(operations)('$id', (operation) => {
    it.each(roleNames)(`${operation.method} ${operation.path} as %s: as the role table says`, async (role) => {
      const id = operation.action === 'delete' ? 999_999_999 : (rows.get(rowPath(operation))?.plant ?? 999_999_999);
      const { status } = await app.call(operation.method, pathOf(operation, id), { role, ...bodyOf(operation, app) });
      const allowed = may(actor(role), operation.area, operation.action);
      if (onesOwn.includes(operation.id)) expect(status === 403).toBe(role !== 'admin');
      else if (allowed) expect([401, 403, 405]).not.toContain(status);
      else expect(status).toBe(403);
      expect(status).toBeLessThan(500);
    });

    it('asks for a token, and for a tenant that the caller is in', async () => {
      const path = pathOf(operation, 1);
      const body = bodyOf(operation, app);
      const nobody = await app.call(operation.method, path, { role: null, ...body });
      expect([nobody.status, nobody.body]).toEqual([401, { detail: 'Authentication credentials were not provided.' }]);
      for (const tenant of ['', String(app.other.id), 'other', '999999', 'no-such', '\u00e4', "' OR 1=1 --"]) {
        const headers = { ...body.headers, 'X-Tenant-ID': tenant };
        expect((await app.call(operation.method, path, { ...body, headers })).status).toBe(403);
      }
    });

    if (!operation.path.includes(':id')) return;

    it("answers another tenant's row with 403 and an unknown one with 404", async () => {
      const other = rows.get(rowPath(operation))?.other;
      expect(other, `no row of ${rowPath(operation)} to try with`).toBeDefined();
      expect((await app.call(operation.method, pathOf(operation, other!), bodyOf(operation, app))).status).toBe(403);
      for (const id of ['999999999', '99999999999999999999', '0', '-1', 'abc', '1.5', '1%00', '%F0%9F%98%80'])
        expect([id, (await app.call(operation.method, pathOf(operation, id), bodyOf(operation, app))).status]).toEqual([
          id,
          404,
        ]);
    });
  });

  const writes = operations.filter(({ resource, body }) => body && Object.keys(resource?.refs ?? {}).length > 0);
  it.each(writes)("$id: refuses a reference to another tenant's row on its field", async (operation) => {
    const fields = Object.keys((operation.body as { shape?: object }).shape ?? {});
    for (const [field, ref] of Object.entries(operation.resource!.refs ?? {})) {
      if (!fields.includes(field)) continue;
      const path = ref.table === 'memberships' ? undefined : pathOfTable(ref.table, resources);
      const foreign = path ? rows.get(path)!.other : app.userId('operator', app.other);
      const id = rows.get(rowPath(operation))?.plant ?? 0;
      const body = { ...requiredOf(operation, app), [field]: foreign };
      const answer = await app.call(operation.method, pathOf(operation, id), { body });
      expect([answer.status, answer.body]).toEqual([400, { [field]: [`${ref.label} not found.`] }]);
      const unknown = await app.call(operation.method, pathOf(operation, id), {
        body: { ...body, [field]: 999_999_999_999 },
      });
      expect([unknown.status, unknown.body]).toEqual([400, answer.body]);
    }
  });

  it.each(resources.filter(({ path }) => hasRow(path)))("$path: lists only the tenant's own rows", async ({ path }) => {
    const { plant, other } = rows.get(path)!;
    for (const query of ['page_size=500', 'cursor=&page_size=500', 'search=', 'ordering=-id&page_size=500']) {
      const { body } = await app.call('GET', `${path}/?${query}`);
      const ids = body.results.map((row: { id: number; tenant: number }) => row.id);
      expect(ids).toContain(plant);
      expect(ids).not.toContain(other);
      expect(new Set(body.results.map((row: { tenant: number }) => row.tenant))).toEqual(new Set([app.plant.id]));
    }
    const csv = await app.call('GET', `${path}/?format=csv`);
    expect(csv.text.split('\r\n')[0]).toContain('id,tenant');
  });
});
