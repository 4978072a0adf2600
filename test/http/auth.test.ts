import { afterAll, beforeAll, expect, it } from 'vitest';
import * as accounts from '../../src/domain/accounts/service.ts';
import { type TestApp, testApp } from '../support/app.ts';
import { onEveryDatabase } from '../support/databases.ts';

const password = 'a good long pass phrase';

onEveryDatabase('over the wire', (dialect) => {
  let app: TestApp;
  beforeAll(async () => {
    app = await testApp(dialect);
    const actor = { kind: 'system', id: null, label: 'cli', role: 'admin', superuser: true } as const;
    const shell = { ...app.as('admin'), actor };
    await accounts.addUser(shell, { username: 'alice', password, role: 'operator' });
    await accounts.addUser({ ...shell, tenant: null }, { username: 'root', password, superuser: true });
  });
  afterAll(() => app.close());

  const logIn = (body: object) => app.call('POST', 'auth/token/', { role: null, body });
  const bearer = (token: string) => ({ role: null, headers: { Authorization: `Bearer ${token}` } });

  it('a log-in answers a pair of tokens that open the API, and go on', async () => {
    const { body, status } = await logIn({ username: 'alice', password });
    expect(status).toBe(200);
    const context = { username: 'alice', tenant_id: String(app.plant.id), role: 'operator', can_write: true };
    expect((await app.call('GET', 'auth/context/', bearer(body.access))).body).toEqual(context);
    const next = await app.call('POST', 'auth/token/refresh/', { role: null, body: { refresh: body.refresh } });
    expect((await app.call('GET', 'auth/context/', bearer(next.body.access))).body).toEqual(context);
  });

  it('a log-in tells nobody whether the name or the password is wrong', async () => {
    for (const body of [
      { username: 'alice', password: 'wrong' },
      { username: 'nobody', password },
    ])
      expect(await logIn(body)).toMatchObject({
        status: 401,
        body: { detail: 'No active account found with the given credentials' },
      });
  });

  it('a locked log-in says in Retry-After how long to wait', async () => {
    for (let failure = 0; failure < 5; failure += 1) await logIn({ username: 'carol', password: 'wrong' });
    const { status, headers } = await logIn({ username: 'carol', password: 'wrong' });
    expect(status).toBe(429);
    expect(Number(headers.get('Retry-After'))).toBeGreaterThan(0);
  });

  it('an API token shows its secret once, acts in its role and tenant alone, and ends when it is revoked', async () => {
    const made = await app.call('POST', 'tokens/', { body: { name: 'Kiosk', role: 'read_only' } });
    const kiosk = bearer(made.body.token);
    const list = await app.call('GET', 'tokens/');
    expect(list.text).not.toContain(made.body.token);
    expect(list.text).not.toContain('token_hash');
    expect((await app.call('GET', 'assets/', kiosk)).status).toBe(200);
    expect((await app.call('POST', 'assets/', { ...kiosk, body: {} })).status).toBe(403);
    expect((await app.call('GET', 'assets/', { ...kiosk, tenant: app.other })).status).toBe(403);
    expect((await app.call('DELETE', `tokens/${made.body.id}/`)).status).toBe(204);
    expect((await app.call('GET', 'assets/', kiosk)).status).toBe(401);
  });

  it('every tenant is open to a superuser, and to others their own', async () => {
    const root = bearer((await logIn({ username: 'root', password })).body.access);
    expect((await app.call('GET', 'tenants/', root)).body.count).toBe(2);
    expect((await app.call('GET', 'auth/context/', { ...root, tenant: app.other })).body.role).toBe('admin');
    const own = (await app.call('GET', 'tenants/')).body.results;
    expect(own.map((row: { slug: string }) => row.slug)).toEqual(['plant']);
    expect((await app.call('GET', `tenants/${app.other.id}/`)).status).toBe(403);
    expect((await app.call('GET', 'tenants/999999/')).status).toBe(404);
  });
});
