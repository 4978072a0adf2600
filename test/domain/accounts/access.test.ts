import { createSecretKey } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type { Context, Role, Tenant } from '../../../src/db/context.ts';
import { Database } from '../../../src/db/database.ts';
import { servedMembers } from '../../../src/domain/accounts/members.ts';
import * as accounts from '../../../src/domain/accounts/service.ts';
import { onEveryDatabase } from '../../support/databases.ts';
import {
  afterReading,
  handleOf,
  type PeopleSite,
  type Person,
  password,
  peopleSite,
  refusal,
  settings,
} from './people.ts';

const missing = [401, 'Authentication credentials were not provided.'];
const invalid = [401, 'Given token not valid for any token type'];
const forbidden = [403, 'You do not have permission to perform this action.'];

onEveryDatabase('access', (dialect) => {
  let site: PeopleSite;
  let alice: Person;
  /** Another process: its own handle, its own cache. */
  let elsewhere: Database;
  const access = accounts.createAccess(settings);
  const otherAccess = accounts.createAccess(settings);
  beforeAll(async () => {
    site = await peopleSite(dialect);
    elsewhere = new Database(site.config);
    alice = await site.person('alice', 'admin');
  });
  afterAll(async () => {
    await elsewhere.close();
    await site.close();
  });

  const bearer = async (username: string) => {
    const tokens = await access.logIn(site.stranger(), { username, password }, '10.0.0.1');
    return `Bearer ${tokens.access}`;
  };
  const signed = (claims: object, algorithm: jwt.Algorithm = 'HS256', key: jwt.Secret = settings.key) => {
    const iat = Math.floor(site.stranger().now().getTime() / 1000);
    const whole = { token_type: 'access', user_id: alice.id, jti: 'j', iat, exp: iat + 60, ...claims };
    // A claim that is set to undefined is left out.
    const sent = JSON.parse(JSON.stringify(whole));
    return `Bearer ${jwt.sign(sent, algorithm === 'none' ? '' : key, { algorithm })}`;
  };
  const authenticate = (header: string) => access.authenticate(site.stranger(), header);
  const enter = async (header: string, tenant: string, by = access, ctx: Context = site.stranger()) =>
    by.enterTenant(ctx, await by.authenticate(ctx, header), tenant);
  const enterElsewhere = (header: string, tenant: Tenant) =>
    enter(header, String(tenant.id), otherAccess, site.stranger(elsewhere));
  const newToken = (name: string, role: string, tenant = site.plant) =>
    accounts.addToken(site.shellIn(tenant), { name, role });

  it('asks for credentials where the header has none of ours', async () => {
    for (const header of ['', 'Bearer', 'Bearer ', 'Basic YTpi', 'Token abc', 'abc'])
      expect(await refusal(authenticate(header))).toEqual(missing);
  });

  it('knows a user by an access token, whatever the case of the scheme', async () => {
    const expected = { kind: 'user', id: alice.id, label: 'alice', superuser: false, role: null, tenantId: null };
    expect(await authenticate(signed({}))).toEqual(expected);
    expect(await authenticate(signed({}).replace('Bearer', 'bearer'))).toEqual(expected);
  });

  it('refuses every token that this site did not sign as an access token', async () => {
    const { refresh } = await access.logIn(site.stranger(), { username: 'alice', password }, '10.0.0.1');
    const forged = [
      signed({}, 'none'),
      signed({}, 'HS512'),
      signed({}, 'HS256', createSecretKey(Buffer.alloc(32, 1))),
      signed({ token_type: 'refresh' }),
      signed({ token_type: undefined }),
      signed({ user_id: `${alice.id}` }),
      signed({ jti: undefined }),
      signed({ exp: undefined }),
      `Bearer ${refresh}`,
      'Bearer x.y.z',
      'Bearer ast_unknown',
    ];
    for (const header of forged) expect(await refusal(authenticate(header))).toEqual(invalid);
    expect(await refusal(authenticate(signed({ user_id: 999_999 })))).toEqual([401, 'User not found']);
  });

  it('refuses an access token when its time is over, also one that it knows', async () => {
    const header = signed({});
    await authenticate(header);
    site.pass(59);
    await authenticate(header);
    site.pass(1);
    expect(await refusal(authenticate(header))).toEqual(invalid);
  });

  it('enters a tenant by id or slug, in the role of the membership', async () => {
    const header = await bearer('alice');
    for (const reference of [String(site.plant.id), 'plant']) {
      const { tenant, actor } = await enter(header, reference);
      const nobody = { formTargets: [], listeners: { endpoints: [], triggers: [] } };
      expect(tenant).toEqual({ id: site.plant.id, name: 'Plant', slug: 'plant', settings: {}, ...nobody });
      expect(actor).toEqual({ kind: 'user', id: alice.id, label: 'alice', role: 'admin', superuser: false });
    }
  });

  it('refuses no tenant, an unknown one and another one alike', async () => {
    const header = await bearer('alice');
    const references = ['', '0', '999999', 'nowhere', 'other', String(site.other.id), "plant' --", '9'.repeat(40)];
    for (const reference of references) expect(await refusal(enter(header, reference))).toEqual(forbidden);
  });

  it('gives a person of two tenants the role of the one entered', async () => {
    const person = await site.person('twofold', 'auditor');
    await accounts.addUser(site.shellIn(site.other), { username: 'twofold', role: 'operator' });
    const header = await bearer('twofold');
    expect((await enter(header, 'plant')).actor).toMatchObject({ id: person.id, role: 'auditor' });
    expect((await enter(header, 'other')).actor).toMatchObject({ id: person.id, role: 'operator' });
  });

  it('lets a superuser into every open tenant without a membership', async () => {
    await site.superuser('root');
    const header = await bearer('root');
    const closed = await accounts.addTenant(site.shell, { name: 'Closed' });
    const entry = await enter(header, 'closed');
    expect(entry.actor).toMatchObject({ role: null, superuser: true });
    const ctx = { ...site.stranger(), ...entry };
    const context = { username: 'root', tenant_id: String(closed.id), role: 'admin', can_write: true };
    expect(accounts.sessionContext(ctx)).toEqual(context);
    await accounts.disableTenant(site.shell, 'closed');
    expect(await refusal(enter(header, 'closed'))).toEqual(forbidden);
  });

  it('says who one is, and whether the role writes', async () => {
    const person = await site.person('reader', 'read_only');
    const tenant_id = String(site.plant.id);
    const reader = accounts.sessionContext(site.as(person, 'read_only'));
    expect(reader).toEqual({ username: 'reader', tenant_id, role: 'read_only', can_write: false });
    const operator = accounts.sessionContext(site.as(person, 'operator'));
    expect(operator).toEqual({ username: 'reader', tenant_id, role: 'operator', can_write: true });
  });

  it('knows an API token by its role and its one tenant, whatever became of who made it', async () => {
    const maker = await site.person('maker', 'admin');
    const created = await servedTokenBy(maker);
    await accounts.disableUser(site.shell, maker.id);
    const header = `Bearer ${created.token}`;
    const { actor } = await enter(header, 'plant');
    expect(actor).toEqual({ kind: 'token', id: created.id, label: 'token:Gate', role: 'operator', superuser: false });
    for (const reference of ['', 'other', String(site.other.id)])
      expect(await refusal(enter(header, reference))).toEqual(forbidden);
  });

  const servedTokenBy = (maker: Person) =>
    accounts.addToken(site.as(maker, 'admin'), { name: 'Gate', role: 'operator' });

  it('writes the last use of an API token at most once a minute', async () => {
    const { id, token } = await newToken('Used', 'operator');
    const lastUse = async () => {
      const [row] = await site.database.query<{ last_used_at: string | null }>(
        'SELECT last_used_at FROM api_tokens WHERE id = ?',
        [id],
      );
      return row!.last_used_at;
    };
    const first = site.stranger().now().toISOString();
    await authenticate(`Bearer ${token}`);
    await vi.waitFor(async () => expect(await lastUse()).toBe(first));
    site.pass(59);
    const writes: string[] = [];
    const db = handleOf(elsewhere);
    db.execute = (sql, params) => {
      writes.push(sql);
      return elsewhere.execute(sql, params);
    };
    await authenticate(`Bearer ${token}`);
    await otherAccess.authenticate(site.stranger(db), `Bearer ${token}`);
    expect(writes).toEqual([]);
    site.pass(1);
    const second = site.stranger().now().toISOString();
    expect(await lastUse()).toBe(first);
    await authenticate(`Bearer ${token}`);
    await vi.waitFor(async () => expect(await lastUse()).toBe(second));
  });

  it('refuses an API token from the moment it runs out', async () => {
    const expires_at = new Date(site.stranger().now().getTime() + 10_000).toISOString();
    const ctx = site.as(alice, 'admin');
    const created = await accounts.addToken(ctx, { name: 'Brief', role: 'operator', expires_at } as never);
    await authenticate(`Bearer ${created.token}`);
    site.pass(9);
    await authenticate(`Bearer ${created.token}`);
    site.pass(1);
    expect(await refusal(authenticate(`Bearer ${created.token}`))).toEqual(invalid);
  });

  it('asks the database once for a request of someone it knows', async () => {
    const header = await bearer('alice');
    const watched = new Database(site.config);
    try {
      const ctx = site.stranger(watched);
      await enter(header, 'plant', access, ctx);
      let statements = 0;
      watched.observe(() => {
        statements += 1;
      });
      await enter(header, 'plant', access, ctx);
      expect(statements).toBe(1);
    } finally {
      await watched.close();
    }
  });

  it('shows a changed role at once in another process', async () => {
    const person = await site.person('erin', 'operator');
    const header = await bearer('erin');
    expect((await enterElsewhere(header, site.plant)).actor.role).toBe('operator');
    const [member] = (await servedMembers.list(site.as(alice, 'admin'), { username: 'erin' })).rows;
    await servedMembers.change(site.as(alice, 'admin'), member!.id, { role: 'auditor' });
    expect((await enterElsewhere(header, site.plant)).actor.role).toBe('auditor');
    await accounts.setRole(site.shellIn(site.plant), person.id, 'read_only');
    expect((await enterElsewhere(header, site.plant)).actor.role).toBe('read_only');
    await servedMembers.change(site.as(alice, 'admin'), member!.id, { is_active: false });
    expect(await refusal(enterElsewhere(header, site.plant))).toEqual(forbidden);
  });

  it('refuses a disabled user, a shut tenant and a revoked token at once in another process', async () => {
    const shut = await accounts.addTenant(site.shell, { name: 'Shut' });
    const person = await site.person('frank', 'operator', shut);
    const [header, token] = [await bearer('frank'), await newToken('Revoked', 'operator')];
    await enterElsewhere(header, shut);
    await accounts.disableTenant(site.shell, 'shut');
    expect(await refusal(enterElsewhere(header, shut))).toEqual(forbidden);
    await accounts.disableUser(site.shell, person.id);
    expect(await refusal(enterElsewhere(header, shut))).toEqual([401, 'User is inactive']);
    await enterElsewhere(`Bearer ${token.token}`, site.plant);
    await accounts.revokeToken(site.shell, String(token.id));
    expect(await refusal(enterElsewhere(`Bearer ${token.token}`, site.plant))).toEqual(invalid);
  });

  it.each([
    ['memberships', 'operator', 'auditor'],
    ['users', 'auditor', 'operator'],
  ])('keeps nothing that was read from %s before a change', async (table, before, after) => {
    const username = `slow-${table}`;
    const person = await site.person(username, before as Role);
    const header = await bearer(username);
    const gate = afterReading(elsewhere, table);
    const slow = enter(header, 'plant', otherAccess, site.stranger(gate.db));
    await gate.reached;
    await accounts.setRole(site.shellIn(site.plant), person.id, after as Role);
    if (table === 'users') await accounts.disableUser(site.shell, person.id);
    // A request that sees the change has emptied the cache before the slow one comes to fill it.
    await otherAccess.authenticate(site.stranger(elsewhere), signed({}));
    gate.open();
    await slow.catch(() => undefined);
    const next = enter(header, 'plant', otherAccess, site.stranger(elsewhere));
    if (table === 'users') expect(await refusal(next)).toEqual([401, 'User is inactive']);
    else expect((await next).actor.role).toBe(after);
  });

  it('never answers from before a change, however many requests share the look at the version', async () => {
    const person = await site.person('grace', 'operator');
    const header = await bearer('grace');
    for (let round = 0; round < 10; round += 1) {
      const role = round % 2 === 0 ? 'auditor' : 'operator';
      const requests = Array.from({ length: 5 }, () => enterElsewhere(header, site.plant));
      await accounts.setRole(site.shellIn(site.plant), person.id, role);
      const after = await Promise.all(Array.from({ length: 5 }, () => enterElsewhere(header, site.plant)));
      expect(after.map(({ actor }) => actor.role)).toEqual(Array(5).fill(role));
      await Promise.all(requests);
    }
  });
});
