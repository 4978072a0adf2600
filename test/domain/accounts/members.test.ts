import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Role, Tenant } from '../../../src/db/context.ts';
import { members, servedMembers } from '../../../src/domain/accounts/members.ts';
import * as accounts from '../../../src/domain/accounts/service.ts';
import { onEveryDatabase } from '../../support/databases.ts';
import { type PeopleSite, type Person, password, peopleSite, refusal, settings } from './people.ts';

const forbidden = [403, 'You do not have permission to perform this action.'];

onEveryDatabase('members', (dialect) => {
  let site: PeopleSite;
  let alice: Person;
  const access = accounts.createAccess(settings);
  beforeAll(async () => {
    site = await peopleSite(dialect);
    alice = await site.person('alice', 'admin');
    await site.person('olga', 'admin', site.other);
  });
  afterAll(() => site.close());

  const admin = () => site.as(alice, 'admin');
  const create = (body: object) =>
    servedMembers.create(admin(), { role: 'operator', password: 'a long enough password', ...body });
  const memberOf = async (username: string, tenant: Tenant = site.plant) =>
    (await servedMembers.list(site.shellIn(tenant), { username })).rows[0]!;
  const change = (id: number, body: object) => servedMembers.change(admin(), id, body);
  const logIn = (username: string, secret: string) =>
    access.logIn(site.stranger(), { username, password: secret }, `10.0.${username.length}.1`);
  const needsAdmin = (tenant: Tenant) => [
    409,
    `Tenant ${tenant.slug} needs an active admin. Make another member admin first.`,
  ];

  it('adds a person who can log in, and answers no secret', async () => {
    const body = { username: 'mia', full_name: 'Mia Miller', email: 'mia@plant.example', badge_code: 'B-1' };
    const created = await create(body);
    expect(created).toMatchObject({ ...body, role: 'operator', is_active: true, tenant: site.plant.id });
    expect(Object.keys(created).sort()).toEqual(Object.keys(members.read.shape).sort());
    expect(Object.keys(created).filter((key) => /password|hash/.test(key))).toEqual([]);
    expect(await servedMembers.get(admin(), created.id)).toEqual(created);
    expect(await memberOf('mia')).toEqual(created);
    expect(members.read.strict().safeParse(created).success).toBe(true);
    await logIn('mia', 'a long enough password');
  });

  it('asks for what a new person needs', async () => {
    const required = ['This field is required.'];
    const fault = (body: object) => refusal(servedMembers.create(admin(), body));
    expect(await fault({})).toEqual([400, { username: required, role: required }]);
    expect(await fault({ username: 'new', role: 'operator' })).toEqual([400, { password: required }]);
    expect(await fault({ username: 'new', role: 'operator', password: 'short' })).toEqual([
      400,
      { password: ['Use at least 10 characters.'] },
    ]);
    expect(await fault({ username: 'new name', role: 'boss', password })).toEqual([
      400,
      {
        username: ['Use letters, digits and @ . + - _ only.'],
        role: ['"boss" is not a valid choice. Choose one of: admin, operator, auditor, read_only.'],
      },
    ]);
    expect(await accounts.userNamed(site.shell, 'new')).toBeUndefined();
  });

  it('does not let an admin claim a person of another tenant; a superuser may', async () => {
    const olga = { username: 'olga', role: 'operator', password: 'a password of mine' };
    expect(await refusal(servedMembers.create(admin(), olga))).toEqual([
      409,
      'This user name is taken. Choose another, or ask who looks after the site.',
    ]);
    await logIn('olga', password);
    const root = { ...admin(), actor: { ...admin().actor, superuser: true } };
    const linked = await servedMembers.create(root, { username: 'olga', role: 'auditor' });
    expect(linked).toMatchObject({ username: 'olga', role: 'auditor' });
    expect(await refusal(servedMembers.create(root, { username: 'olga', role: 'auditor' }))).toEqual([
      409,
      'This user is a member of the tenant already. Change the role instead.',
    ]);
    await servedMembers.remove(root, linked.id);
  });

  it('keeps a badge code for one member of a tenant', async () => {
    const first = await create({ username: 'badge-one', badge_code: 'X-77' });
    const taken = [409, 'Another member with this badge_code already exists.'];
    expect(await refusal(create({ username: 'badge-two', badge_code: 'X-77' }))).toEqual(taken);
    expect(await accounts.userNamed(site.shell, 'badge-two')).toBeUndefined();
    const second = await create({ username: 'badge-two' });
    expect(await refusal(change(second.id, { badge_code: 'X-77' }))).toEqual(taken);
    const olga = await memberOf('olga', site.other);
    const abroad = await servedMembers.change(site.shellIn(site.other), olga.id, { badge_code: 'X-77' });
    expect(abroad.badge_code).toBe('X-77');
    expect((await change(first.id, { badge_code: null })).badge_code).toBeNull();
    expect((await change(second.id, { badge_code: 'X-77' })).badge_code).toBe('X-77');
  });

  it('changes what was sent and nothing else', async () => {
    const { id } = await create({ username: 'piet', full_name: 'Piet', badge_code: 'P-1' });
    expect(await change(id, { role: 'auditor', email: 'piet@plant.example' })).toMatchObject({
      username: 'piet',
      full_name: 'Piet',
      email: 'piet@plant.example',
      role: 'auditor',
      badge_code: 'P-1',
      is_active: true,
    });
    const renamed = await refusal(change(id, { username: 'pieter' }));
    expect(renamed).toEqual([400, { username: ['A user name cannot be changed. Add a new member.'] }]);
    const replaced = await servedMembers.replace(admin(), id, { username: 'piet', role: 'operator' });
    expect(replaced).toMatchObject({ role: 'operator', full_name: '', badge_code: null });
    await logIn('piet', 'a long enough password');
  });

  it('sets the password of its own people, which ends their sessions', async () => {
    const { id } = await create({ username: 'rosa' });
    const session = await logIn('rosa', 'a long enough password');
    await change(id, { password: 'a newer long password' });
    expect(await refusal(access.refresh(site.stranger(), session))).toEqual([401, 'Token is invalid or expired']);
    expect(await refusal(logIn('rosa', 'a long enough password'))).toEqual([401, expect.any(String)]);
    await logIn('rosa', 'a newer long password');
    expect(await refusal(change(id, { password: 'rosa' }))).toEqual([400, { password: [expect.any(String)] }]);
  });

  it('touches neither name nor password of a superuser, or of a person of other tenants too', async () => {
    await site.person('shared', 'operator');
    await accounts.addUser(site.shellIn(site.other), { username: 'shared', role: 'operator' });
    await accounts.addUser(site.shellIn(site.plant), { username: 'root', password, role: 'operator', superuser: true });
    const text = 'This person belongs to other tenants too, so only a superuser may change name or password.';
    for (const username of ['shared', 'root']) {
      const { id } = await memberOf(username);
      expect(await refusal(change(id, { password: 'a password of mine' }))).toEqual([403, text]);
      expect(await refusal(change(id, { email: 'mine@plant.example' }))).toEqual([403, text]);
      expect((await change(id, { role: 'auditor', badge_code: `b-${username}` })).role).toBe('auditor');
      await logIn(username, password);
    }
  });

  it('keeps the last active admin', async () => {
    const olga = await memberOf('olga', site.other);
    const inOther = site.as({ id: olga.user, username: 'olga' }, 'admin', site.other);
    const refused = needsAdmin(site.other);
    for (const body of [{ role: 'operator' }, { is_active: false }])
      expect(await refusal(servedMembers.change(inOther, olga.id, body))).toEqual(refused);
    expect(await refusal(servedMembers.remove(inOther, olga.id))).toEqual(refused);
    expect(await refusal(accounts.setRole(site.shellIn(site.other), olga.user, 'auditor'))).toEqual(refused);
    expect(await refusal(accounts.disableUser(site.shell, olga.user))).toEqual(refused);
    expect(await memberOf('olga', site.other)).toEqual(olga);
    await site.person('second', 'admin', site.other);
    expect((await servedMembers.change(inOther, olga.id, { role: 'operator' })).role).toBe('operator');
  });

  it('counts no disabled admin as one', async () => {
    const tenant = await accounts.addTenant(site.shell, { name: 'Small' });
    const [one, two] = [await site.person('small-1', 'admin', tenant), await site.person('small-2', 'admin', tenant)];
    await accounts.disableUser(site.shell, two.id);
    const member = await memberOf('small-1', tenant);
    const inside = site.as(one, 'admin', tenant);
    expect(await refusal(servedMembers.remove(inside, member.id))).toEqual(needsAdmin(tenant));
  });

  it('leaves an admin when two demote each other at the same moment', async () => {
    for (let round = 0; round < 4; round += 1) {
      const tenant = await accounts.addTenant(site.shell, { name: `Duel ${round}` });
      const people = [
        await site.person(`duel-${round}-a`, 'admin', tenant),
        await site.person(`duel-${round}-b`, 'admin', tenant),
      ];
      const demote = async (by: Person, target: Person) => {
        const { id } = await memberOf(target.username, tenant);
        await servedMembers.change(site.as(by, 'admin', tenant), id, { role: 'operator' });
      };
      const [one, two] = people as [Person, Person];
      await Promise.allSettled([demote(one, two), demote(two, one)]);
      const left = await servedMembers.list(site.shellIn(tenant), { role: 'admin' });
      expect(left.rows).toHaveLength(1);
    }
  });

  it('keeps a member who has assets, and says how many', async () => {
    const { id, user } = await create({ username: 'holder' });
    await holding(user);
    expect(await refusal(servedMembers.remove(admin(), id))).toEqual([
      409,
      'Assets are assigned to this member (1). Check them in or assign them to others first.',
    ]);
    await site.database.execute('DELETE FROM assets WHERE assigned_to_id = ?', [user]);
    await servedMembers.remove(admin(), id);
    expect(await memberOf('holder')).toBeUndefined();
  });

  const holding = async (user: number) => {
    const { served } = await import('../../../src/domain/assets/service.ts');
    await served.create(admin(), { asset_tag: `H-${user}`, name: 'Drill', assigned_to: user });
  };

  it('shuts a person out with the last membership, until a superuser lets the person in again', async () => {
    const { id } = await create({ username: 'leaver' });
    const session = await logIn('leaver', 'a long enough password');
    await servedMembers.remove(admin(), id);
    expect(await refusal(servedMembers.get(admin(), id))).toEqual([404, 'Not found.']);
    expect(await refusal(logIn('leaver', 'a long enough password'))).toEqual([401, expect.any(String)]);
    await accounts.addUser(site.shellIn(site.plant), { username: 'leaver', role: 'read_only' });
    expect(await refusal(access.refresh(site.stranger(), session))).toEqual([401, 'Token is invalid or expired']);
    await logIn('leaver', 'a long enough password');
    expect(await memberOf('leaver')).toMatchObject({ role: 'read_only', is_active: true });
  });

  it('leaves a person of two tenants in the other one', async () => {
    await site.person('commuter', 'operator');
    await accounts.addUser(site.shellIn(site.other), { username: 'commuter', role: 'operator' });
    await servedMembers.remove(admin(), (await memberOf('commuter')).id);
    await logIn('commuter', password);
    expect(await memberOf('commuter', site.other)).toMatchObject({ is_active: true });
  });

  it('searches, filters and orders', async () => {
    await create({ username: 'find-me', full_name: 'Zoë Finder', email: 'zoe@find.example', role: 'auditor' });
    const names = async (query: Record<string, string>) =>
      (await servedMembers.list(admin(), query)).rows.map(({ username }) => username);
    for (const search of ['find-me', 'zoë f', 'ZOE@FIND']) expect(await names({ search })).toEqual(['find-me']);
    expect(await names({ role: 'auditor', search: 'find' })).toEqual(['find-me']);
    expect(await names({ role: 'operator', search: 'find' })).toEqual([]);
    expect(await names({ is_active: 'false' })).toEqual([]);
    const all = await names({ ordering: '-username', page_size: '500' });
    expect(all).toEqual([...all].sort().reverse());
    expect(await names({ page_size: '2', page: '1', ordering: '-username' })).toEqual(all.slice(0, 2));
  });

  it('is for admins of the tenant alone', async () => {
    const olga = await memberOf('olga', site.other);
    expect(await refusal(servedMembers.get(admin(), olga.id))).toEqual(forbidden);
    expect(await refusal(change(olga.id, { role: 'read_only' }))).toEqual(forbidden);
    expect(await refusal(servedMembers.remove(admin(), olga.id))).toEqual(forbidden);
    for (const role of ['operator', 'auditor', 'read_only'] satisfies Role[]) {
      const ctx = site.as(alice, role);
      const calls = [
        servedMembers.list(ctx),
        servedMembers.create(ctx, { username: 'x', role: 'admin', password }),
        servedMembers.change(ctx, olga.id, { role: 'admin' }),
      ];
      for (const call of calls) expect(await refusal(call)).toEqual(forbidden);
    }
  });
});
