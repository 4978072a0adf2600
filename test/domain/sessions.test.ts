import { createSecretKey } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Context } from '../../src/db/context.ts';
import { Database } from '../../src/db/database.ts';
import * as accounts from '../../src/domain/accounts/service.ts';
import { type TestApp, testApp } from '../support/app.ts';
import { onEveryDatabase } from '../support/databases.ts';

const password = 'a good long pass phrase';
const settings = { key: createSecretKey(Buffer.alloc(32, 7)), accessMinutes: 30, refreshDays: 7 };

onEveryDatabase('log-in', (dialect) => {
  let app: TestApp;
  let root: Context;
  const access = accounts.createAccess(settings);
  beforeAll(async () => {
    app = await testApp(dialect);
    root = {
      ...app.as('admin'),
      tenant: null,
      actor: { kind: 'system', id: null, label: 'cli', role: 'admin', superuser: true },
    };
    await accounts.addUser({ ...root, tenant: app.plant }, { username: 'alice', password, role: 'operator' });
  });
  beforeEach(() => app.database.execute('DELETE FROM login_attempts'));
  afterAll(() => app.close());

  const at = (minutes: number): Context => ({ ...root, now: () => new Date(Date.now() + minutes * 60_000) });
  const logIn = (secret: string, { address = '10.0.0.1', username = 'alice', minutes = 0 } = {}) =>
    access.logIn(at(minutes), { username, password: secret }, address);
  const refresh = (token: string) => access.refresh(root, { refresh: token });
  const statusOf = (work: Promise<unknown>) =>
    work.then(
      () => 200,
      (error: { status: number }) => error.status,
    );

  it('answers a pair of tokens that open the API', async () => {
    const { body, status } = await app.call('POST', 'auth/token/', {
      role: null,
      body: { username: 'alice', password },
    });
    expect(status).toBe(200);
    const answer = await app.call('GET', 'auth/context/', {
      role: null,
      headers: { Authorization: `Bearer ${body.access}`, 'X-Tenant-ID': 'plant' },
    });
    expect(answer.body).toEqual({
      username: 'alice',
      tenant_id: String(app.plant.id),
      role: 'operator',
      can_write: true,
    });
  });

  it('tells nobody whether the name, the password or the account is wrong', async () => {
    await accounts.addUser({ ...root, tenant: app.plant }, { username: 'gone', password, role: 'operator' });
    await accounts.disableUser(root, (await accounts.requireUser(root, 'gone')).id);
    for (const body of [
      { username: 'alice', password: 'wrong' },
      { username: 'nobody', password },
      { username: 'gone', password },
      { username: 'al\0ice', password },
    ]) {
      const answer = await app.call('POST', 'auth/token/', { role: null, body });
      expect([answer.status, answer.body]).toEqual([
        401,
        { detail: 'No active account found with the given credentials' },
      ]);
    }
    expect((await app.call('POST', 'auth/token/', { role: null, body: {} })).body).toEqual({
      username: ['This field is required.'],
      password: ['This field is required.'],
    });
  });

  it('locks a name for its address after five failures, longer each time, and no other address', async () => {
    for (let attempt = 0; attempt < 5; attempt += 1) expect(await statusOf(logIn('wrong'))).toBe(401);
    expect(await logIn(password).catch((error) => [error.status, error.retryAfter <= 30])).toEqual([429, true]);
    expect(await statusOf(logIn(password, { address: '10.0.0.2' }))).toBe(200);
    expect(await statusOf(logIn('wrong', { minutes: 1 }))).toBe(401);
    const locked = await logIn(password, { minutes: 1.1 }).catch((error) => error);
    expect([locked.status, locked.retryAfter > 30 && locked.retryAfter <= 60]).toEqual([429, true]);
    expect(await statusOf(logIn(password, { minutes: 3 }))).toBe(200);
    expect(await statusOf(logIn('wrong', { minutes: 3 }))).toBe(401);
  });

  it('lets a flood of guesses at once no further than the count', async () => {
    const answers = await Promise.all(
      Array.from({ length: 12 }, () => statusOf(logIn('wrong', { address: '10.0.0.9' }))),
    );
    expect(answers.filter((status) => status === 401)).toHaveLength(5);
    expect(answers.filter((status) => status === 429)).toHaveLength(7);
  });

  describe('a refresh token', () => {
    it('is exchanged, and works once more for a second tab or a lost answer', async () => {
      const first = await logIn(password);
      const second = await refresh(first.refresh);
      const tab = await refresh(first.refresh);
      expect(new Set([first.refresh, second.refresh, tab.refresh]).size).toBe(3);
      expect(await statusOf(refresh(second.refresh))).toBe(200);
    });

    it('used again after its successor was used ends every session of its family, for good', async () => {
      const first = await logIn(password);
      const other = await logIn(password);
      const second = await refresh(first.refresh);
      const third = await refresh(second.refresh);
      expect(await statusOf(refresh(first.refresh))).toBe(401);
      for (const token of [second.refresh, third.refresh, first.refresh])
        expect(await statusOf(refresh(token))).toBe(401);
      expect(await statusOf(refresh(other.refresh))).toBe(200);
    });

    it('survives many exchanges at once without a fault', async () => {
      const { refresh: token } = await logIn(password);
      const answers = await Promise.all(Array.from({ length: 8 }, () => statusOf(refresh(token))));
      expect(new Set(answers)).toEqual(new Set([200]));
    });

    it('is no access token, nor the other way round, and ends with the password', async () => {
      const pair = await logIn(password);
      expect(await statusOf(refresh(pair.access))).toBe(401);
      expect(await statusOf(access.authenticate(root, `Bearer ${pair.refresh}`))).toBe(401);
      const { id } = await accounts.requireUser(root, 'alice');
      await accounts.setPassword(root, id, `${password} two`);
      expect(await statusOf(refresh(pair.refresh))).toBe(401);
      await accounts.setPassword(root, id, password);
    });
  });

  it('takes no token of another key, without signature, or of another kind', async () => {
    const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from('{"token_type":"access","user_id":1,"jti":"x","exp":9999999999}').toString('base64url')}.`;
    for (const token of [none, 'x.y.z', 'ast_nothing', 'x'.repeat(5_000)])
      expect(await statusOf(access.authenticate(root, `Bearer ${token}`))).toBe(401);
    for (const header of ['', 'Bearer', 'Basic YTpi', 'Bearer a b'])
      expect(await statusOf(access.authenticate(root, header))).toBe(401);
  });

  describe('an API token', () => {
    it('shows its secret once, acts in its role and tenant alone, and ends when it is revoked', async () => {
      const made = await app.call('POST', 'tokens/', { body: { name: 'Kiosk', role: 'read_only' } });
      const headers = { Authorization: `Bearer ${made.body.token}` };
      const list = await app.call('GET', 'tokens/');
      expect(list.text).not.toContain(made.body.token);
      expect(list.text).not.toContain('token_hash');
      expect((await app.call('GET', 'assets/', { role: null, headers })).status).toBe(200);
      expect((await app.call('POST', 'assets/', { role: null, headers, body: {} })).status).toBe(403);
      expect((await app.call('GET', 'assets/', { role: null, headers, tenant: app.other })).status).toBe(403);
      expect((await app.call('GET', `tokens/${made.body.id}/`)).body.last_used_at).not.toBeNull();
      expect((await app.call('DELETE', `tokens/${made.body.id}/`)).status).toBe(204);
      expect((await app.call('GET', 'assets/', { role: null, headers })).status).toBe(401);
    });

    it('ends at its time', async () => {
      const made = await app.call('POST', 'tokens/', {
        body: { name: 'Short', role: 'admin', expires_at: '2020-01-01T00:00:00Z' },
      });
      expect(
        (await app.call('GET', 'assets/', { role: null, headers: { Authorization: `Bearer ${made.body.token}` } }))
          .status,
      ).toBe(401);
    });
  });

  it('sees a change made by another process with the next request', async () => {
    const member = (await app.call('GET', 'members/?username=plant-operator')).body.results[0];
    expect(
      (await app.call('POST', 'locations/', { role: 'operator', body: { name: 'x', code: 'BEFORE' } })).status,
    ).toBe(201);
    const elsewhere = new Database(app.databaseConfig);
    await elsewhere.execute("UPDATE memberships SET role = 'auditor' WHERE id = ?", [member.id]);
    await elsewhere.execute('UPDATE auth_version SET version = version + 1');
    await elsewhere.close();
    expect(
      (await app.call('POST', 'locations/', { role: 'operator', body: { name: 'x', code: 'AFTER' } })).status,
    ).toBe(403);
    await app.call('PATCH', `members/${member.id}/`, { body: { role: 'operator' } });
    expect(
      (await app.call('POST', 'locations/', { role: 'operator', body: { name: 'x', code: 'AGAIN' } })).status,
    ).toBe(201);
  });

  describe('members', () => {
    it('keep one active admin at least', async () => {
      const [admin] = (await app.call('GET', 'members/?role=admin')).body.results;
      for (const body of [{ role: 'operator' }, { is_active: false }])
        expect((await app.call('PATCH', `members/${admin.id}/`, { body })).status).toBe(409);
      expect((await app.call('DELETE', `members/${admin.id}/`)).status).toBe(409);
      expect((await app.call('GET', `members/${admin.id}/`)).body).toMatchObject({ role: 'admin', is_active: true });
    });

    it("cannot be taken from another tenant, nor have their password set by one of several tenants' admins", async () => {
      const taken = await app.call('POST', 'members/', {
        body: { username: 'other-operator', password, role: 'operator' },
      });
      expect(taken.status).toBe(409);
      await accounts.addUser({ ...root, tenant: app.other }, { username: 'alice', role: 'auditor' });
      const alice = (await app.call('GET', 'members/?username=alice')).body.results[0];
      expect((await app.call('PATCH', `members/${alice.id}/`, { body: { password: 'taken over by me' } })).status).toBe(
        403,
      );
      expect(
        (await app.call('PATCH', `members/${alice.id}/`, { body: { role: 'auditor', badge_code: 'B-1' } })).status,
      ).toBe(200);
    });

    it('are refused a weak password, a badge that another has, and to leave with assets', async () => {
      const body = { username: 'dora', role: 'operator', badge_code: 'B-2' };
      for (const weak of ['short', 'dora', '1234567890', 'aaaaaaaaaaaa']) {
        const { status, body: faults } = await app.call('POST', 'members/', { body: { ...body, password: weak } });
        expect([status, Object.keys(faults)]).toEqual([400, ['password']]);
      }
      const dora = await app.call('POST', 'members/', { body: { ...body, password } });
      expect([dora.status, JSON.stringify(dora.body).includes('scrypt')]).toEqual([201, false]);
      const clash = await app.call('POST', 'members/', { body: { ...body, username: 'emil', password } });
      expect(clash.status).toBe(409);
      const asset = (
        await app.call('POST', 'assets/', { body: { asset_tag: 'HELD', name: 'x', assigned_to: dora.body.user } })
      ).body;
      expect((await app.call('DELETE', `members/${dora.body.id}/`)).body.detail).toContain('assigned to this member (1)');
      await app.call('PATCH', `assets/${asset.id}/`, { body: { assigned_to: null } });
      expect((await app.call('DELETE', `members/${dora.body.id}/`)).status).toBe(204);
      expect(await statusOf(logIn(password, { username: 'dora' }))).toBe(401);
    });
  });

  it('opens every tenant to a superuser, and to others their own', async () => {
    await accounts.addUser(root, { username: 'root', password, superuser: true });
    const { access: token } = await logIn(password, { username: 'root' });
    const headers = { Authorization: `Bearer ${token}` };
    expect((await app.call('GET', 'tenants/', { role: null, headers })).body.count).toBe(2);
    expect((await app.call('GET', 'auth/context/', { role: null, headers, tenant: app.other })).body.role).toBe(
      'admin',
    );
    expect((await app.call('GET', 'tenants/')).body.results.map((row: { slug: string }) => row.slug)).toEqual([
      'plant',
    ]);
    expect((await app.call('GET', `tenants/${app.other.id}/`)).status).toBe(403);
    expect((await app.call('GET', 'tenants/999999/')).status).toBe(404);
  });

  it('forgets what has run out, and nothing else', async () => {
    const pair = await logIn(password);
    await accounts.purgeExpired(root);
    expect(await statusOf(refresh(pair.refresh))).toBe(200);
    await accounts.purgeExpired(at(8 * 24 * 60));
    expect(await app.database.query('SELECT COUNT(*) AS count FROM refresh_tokens')).toEqual([{ count: 0 }]);
  });
});
