import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Principal } from '../../../src/domain/accounts/service.ts';
import * as accounts from '../../../src/domain/accounts/service.ts';
import { onEveryDatabase } from '../../support/databases.ts';
import { type PeopleSite, type Person, peopleSite, refusal } from './people.ts';

const forbidden = [403, 'You do not have permission to perform this action.'];

onEveryDatabase('tenants', (dialect) => {
  let site: PeopleSite;
  let alice: Person;
  beforeAll(async () => {
    site = await peopleSite(dialect);
    alice = await site.person('alice', 'admin');
  });
  afterAll(() => site.close());

  const add = (name: string, slug?: string) => accounts.addTenant(site.shell, { name, slug });
  const caller = (change: Partial<Principal> = {}): Principal => ({
    kind: 'user',
    id: alice.id,
    label: 'alice',
    superuser: false,
    role: null,
    tenantId: null,
    ...change,
  });
  const slugs = async (principal: Principal, query = {}) =>
    (await accounts.tenantsOf(site.stranger(), principal, query)).rows.map(({ slug }) => slug);

  it('have a slug made from their name, which is never taken for an id', async () => {
    expect((await add('Werk Süd / Halle 3')).slug).toBe('werk-sud-halle-3');
    expect((await add('  2024  ')).slug).toBe('tenant-2024');
    expect((await add(`${'a'.repeat(79)} b`)).slug).toBe('a'.repeat(79));
    expect((await add('工場', 'factory')).slug).toBe('factory');
    expect(await refusal(add('倉庫'))).toEqual([400, 'No short name can be made from this name. Give --slug.']);
    expect(await refusal(add('Depot', '77'))).toEqual([400, { slug: ['Use at least one letter.'] }]);
    expect(await refusal(add('Depot', 'De pot'))).toEqual([400, { slug: [expect.stringContaining('small letters')] }]);
  });

  it('have a name and a slug of their own', async () => {
    const taken = [409, 'There is a tenant "Plant" (plant) already. Choose another name or --slug.'];
    expect(await refusal(add('Plant', 'plant-b'))).toEqual(taken);
    expect(await refusal(add('PLANT'))).toEqual(taken);
  });

  it('are found by id, slug or name, unless two go by it', async () => {
    const hall = await add('Hall', 'hall-one');
    for (const reference of [String(hall.id), 'hall-one', 'Hall'])
      expect(await accounts.findTenant(site.shell, reference)).toEqual(hall);
    const clash = await add('hall-one', 'hall-two');
    expect(await refusal(accounts.findTenant(site.shell, 'hall-one'))).toEqual([
      409,
      `Tenants ${hall.id} and ${clash.id} both go by "hall-one". Give the id.`,
    ]);
    const unknown = (await refusal(accounts.findTenant(site.shell, 'nowhere'))) as [number, string];
    expect(unknown[0]).toBe(404);
    expect(unknown[1]).toContain('There is no tenant "nowhere". There are: plant, other');
  });

  it('are shown to those who may enter them', async () => {
    expect(await slugs(caller())).toEqual(['plant']);
    expect(await slugs(caller({ kind: 'token', id: 1, role: 'operator', tenantId: site.other.id }))).toEqual(['other']);
    const every = (await accounts.listTenants(site.shell)).map(({ slug }) => slug);
    const seen = await slugs(caller({ superuser: true }), { page_size: '500' });
    expect(seen.toSorted()).toEqual(every.toSorted());
    const { rows } = await accounts.tenantsOf(site.stranger(), caller(), {});
    expect(accounts.tenants.read.strict().safeParse(rows[0]).success).toBe(true);
  });

  it('are paged, searched, filtered and ordered', async () => {
    const root = caller({ superuser: true });
    const all = await slugs(root, { ordering: '-slug', page_size: '500' });
    expect(all).toEqual(all.toSorted().reverse());
    const page = await accounts.tenantsOf(site.stranger(), root, { ordering: '-slug', page_size: '2', page: '2' });
    expect(page.rows.map(({ slug }) => slug)).toEqual(all.slice(2, 4));
    expect(page).toMatchObject({ count: all.length, page: 2, hasNext: true, nextCursor: null });
    expect(await slugs(root, { search: 'SÜD' })).toEqual(['werk-sud-halle-3']);
    expect(await slugs(root, { slug: 'other' })).toEqual(['other']);
    expect(await refusal(slugs(root, { page: '99' }))).toEqual([404, 'Invalid page.']);
    expect(await refusal(slugs(root, { colour: 'red' }))).toEqual([400, { colour: [expect.any(String)] }]);
  });

  it('answer one by id: 403 for one that the caller is not in, 404 for none', async () => {
    const one = (id: string, principal = caller()) => accounts.tenantOf(site.stranger(), principal, id);
    expect(await one(String(site.plant.id))).toMatchObject({ slug: 'plant', is_active: true, settings: {} });
    expect(await refusal(one(String(site.other.id)))).toEqual(forbidden);
    expect(await one(String(site.other.id), caller({ superuser: true }))).toMatchObject({ slug: 'other' });
    for (const id of ['999999', 'plant', '-1', '9'.repeat(30)])
      expect(await refusal(one(id))).toEqual([404, 'Not found.']);
  });

  it('are no longer shown when shut, save to a superuser', async () => {
    const old = await add('Old hall');
    await accounts.addUser(site.shellIn(old), { username: 'alice', role: 'operator' });
    expect(await slugs(caller())).toEqual(['old-hall', 'plant']);
    await accounts.disableTenant(site.shell, 'Old hall');
    expect(await slugs(caller())).toEqual(['plant']);
    expect(await slugs(caller({ superuser: true }), { is_active: 'false' })).toEqual(['old-hall']);
  });

  it('are made and shut by a superuser or at the shell alone', async () => {
    const ctx = site.as(alice, 'admin');
    expect(await refusal(accounts.addTenant(ctx, { name: 'Mine' }))).toEqual(forbidden);
    expect(await refusal(accounts.disableTenant(ctx, 'other'))).toEqual(forbidden);
  });
});
