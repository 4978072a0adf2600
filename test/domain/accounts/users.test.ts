import { afterAll, beforeAll, expect, it } from 'vitest';
import * as accounts from '../../../src/domain/accounts/service.ts';
import { onEveryDatabase } from '../../support/databases.ts';
import { type PeopleSite, type Person, password, peopleSite, refusal, settings } from './people.ts';

onEveryDatabase('users at the shell', (dialect) => {
  let site: PeopleSite;
  let alice: Person;
  const access = accounts.createAccess(settings);
  beforeAll(async () => {
    site = await peopleSite(dialect);
    alice = await site.person('alice', 'admin');
  });
  afterAll(() => site.close());

  const logIn = (username: string, secret = password) =>
    access.logIn(site.stranger(), { username, password: secret }, `10.0.${username.length}.1`);

  it('are added with a role in a tenant, or as superuser without one', async () => {
    await site.person('otto', 'operator', site.other);
    const root = await site.superuser('root');
    expect(root).toMatchObject({ username: 'root', is_active: true, is_superuser: true });
    const listed = await accounts.listUsers(site.shell);
    expect(listed.map(({ username, memberships }) => [username, memberships])).toEqual([
      ['alice', [{ tenant: 'plant', role: 'admin' }]],
      ['otto', [{ tenant: 'other', role: 'operator' }]],
      ['root', []],
    ]);
    const inOther = await accounts.listUsers(site.shellIn(site.other));
    expect(inOther.map(({ username }) => username)).toEqual(['otto']);
    expect(JSON.stringify(listed)).not.toMatch(/password|hash|scrypt/);
  });

  it('who exist join another tenant and keep their password', async () => {
    const first = await site.person('nina', 'operator');
    const again = await accounts.addUser(site.shellIn(site.other), { username: 'nina', role: 'auditor' });
    expect(again.id).toBe(first.id);
    await logIn('nina');
    const twice = accounts.addUser(site.shellIn(site.other), { username: 'nina', role: 'auditor' });
    expect(await refusal(twice)).toEqual([
      409,
      'This user is a member of the tenant already. Change the role instead.',
    ]);
  });

  it('need a name and a password that will do', async () => {
    const add = (input: Parameters<typeof accounts.addUser>[1]) => refusal(accounts.addUser(site.shell, input));
    expect(await add({ username: 'paul' })).toEqual([400, { password: ['This field is required.'] }]);
    expect(await add({ username: 'paul', password: 'short' })).toEqual([
      400,
      { password: ['Use at least 10 characters.'] },
    ]);
    const name = ['Use letters, digits and @ . + - _ only.'];
    expect(await add({ username: 'pa ul', password })).toEqual([400, { username: name }]);
    expect(await accounts.userNamed(site.shell, 'paul')).toBeUndefined();
    expect(await refusal(accounts.requireUser(site.shell, 'paul'))).toEqual([
      404,
      'There is no user "paul". See `assetra user list`.',
    ]);
  });

  it('get another role, where they are members', async () => {
    const rita = await site.person('rita', 'operator');
    await accounts.setRole(site.shellIn(site.plant), rita.id, 'auditor');
    const listed = await accounts.listUsers(site.shellIn(site.plant));
    expect(listed.find(({ id }) => id === rita.id)!.memberships).toEqual([{ tenant: 'plant', role: 'auditor' }]);
    expect(await refusal(accounts.setRole(site.shellIn(site.other), rita.id, 'auditor'))).toEqual([
      404,
      'This user is no member of other. Add it with `assetra user add`.',
    ]);
  });

  it('of a tenant without an admin change role like any others', async () => {
    const tenant = await accounts.addTenant(site.shell, { name: 'Headless' });
    const sam = await site.person('sam', 'operator', tenant);
    await accounts.setRole(site.shellIn(tenant), sam.id, 'admin');
    expect(await refusal(accounts.setRole(site.shellIn(tenant), sam.id, 'operator'))).toEqual([
      409,
      'Tenant headless needs an active admin. Make another member admin first.',
    ]);
    await accounts.disableTenant(site.shell, 'headless');
    await accounts.disableUser(site.shell, sam.id);
    expect(await refusal(logIn('sam'))).toEqual([401, expect.any(String)]);
  });

  it('are looked after by the shell and by superusers alone', async () => {
    const ctx = site.as(alice, 'admin');
    const calls = [
      accounts.addUser(ctx, { username: 'mole', password, superuser: true }),
      accounts.listUsers(ctx),
      accounts.setPassword(ctx, alice.id, 'another long password'),
      accounts.setRole(ctx, alice.id, 'operator'),
      accounts.disableUser(ctx, alice.id),
    ];
    for (const call of calls)
      expect(await refusal(call)).toEqual([403, 'You do not have permission to perform this action.']);
  });
});
