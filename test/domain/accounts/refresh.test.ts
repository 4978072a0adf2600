import { createSecretKey } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { inTransaction } from '../../../src/db/context.ts';
import { Database } from '../../../src/db/database.ts';
import { hashPassword } from '../../../src/domain/accounts/passwords.ts';
import * as accounts from '../../../src/domain/accounts/service.ts';
import { storePassword } from '../../../src/domain/accounts/users.ts';
import { onEveryDatabase } from '../../support/databases.ts';
import { beforeCommit, type PeopleSite, type Person, password, peopleSite, refusal, settings } from './people.ts';

const refused = [401, 'Token is invalid or expired'];

onEveryDatabase('refresh tokens', (dialect) => {
  let site: PeopleSite;
  let alice: Person;
  const access = accounts.createAccess(settings);
  beforeAll(async () => {
    site = await peopleSite(dialect);
    alice = await site.person('alice', 'admin');
  });
  afterAll(() => site.close());

  const session = async (username = 'alice') =>
    (await access.logIn(site.stranger(), { username, password }, '10.0.0.1')).refresh;
  const refresh = async (token: string, ctx = site.stranger()) =>
    (await access.refresh(ctx, { refresh: token })).refresh;

  it('answers a new pair each time', async () => {
    const first = await session();
    const pair = await access.refresh(site.stranger(), { refresh: first });
    expect(pair.refresh).not.toBe(first);
    const principal = await access.authenticate(site.stranger(), `Bearer ${pair.access}`);
    expect(principal).toMatchObject({ kind: 'user', label: 'alice' });
  });

  it('takes a token again when its answer was lost, and both tabs go on', async () => {
    const first = await session();
    const [lost, kept] = [await refresh(first), await refresh(first)];
    expect(await refresh(kept)).toBeTruthy();
    expect(await refresh(lost)).toBeTruthy();
  });

  it('revokes the family of a token that is used after its successor was, for every process', async () => {
    const [first, unrelated] = [await session(), await session()];
    const second = await refresh(first);
    const sibling = await refresh(first);
    const third = await refresh(second);
    expect(await refusal(refresh(first))).toEqual(refused);
    const elsewhere = new Database(site.config);
    try {
      for (const token of [first, second, sibling, third])
        expect(await refusal(refresh(token, site.stranger(elsewhere)))).toEqual(refused);
    } finally {
      await elsewhere.close();
    }
    expect(await refresh(unrelated)).toBeTruthy();
  });

  it('answers each of several refreshes of one token that arrive together', async () => {
    const first = await session();
    const successors = await Promise.all(Array.from({ length: 6 }, () => refresh(first)));
    expect(new Set(successors).size).toBe(6);
    expect(await refresh(successors[3]!)).toBeTruthy();
    expect(await refusal(refresh(first))).toEqual(refused);
    expect(await refusal(refresh(successors[0]!))).toEqual(refused);
  });

  it('leaves nothing of a family standing when a reuse and a refresh arrive together', async () => {
    const first = await session();
    const second = await refresh(first);
    const third = await refresh(second);
    const [reuse, next] = await Promise.allSettled([refresh(first), refresh(third)]);
    expect(reuse.status).toBe('rejected');
    const last = next.status === 'fulfilled' ? next.value : third;
    expect(await refusal(refresh(last))).toEqual(refused);
  });

  it('refuses what is no refresh token of this site', async () => {
    const pair = await access.logIn(site.stranger(), { username: 'alice', password }, '10.0.0.1');
    const foreign = accounts.createAccess({ ...settings, key: createSecretKey(Buffer.alloc(32, 1)) });
    const elsewhere = await foreign.logIn(site.stranger(), { username: 'alice', password }, '10.0.0.1');
    for (const token of ['x', `${pair.refresh}x`, pair.access, elsewhere.refresh])
      expect(await refusal(refresh(token))).toEqual(refused);
    const missing = await refusal(access.refresh(site.stranger(), {}));
    expect(missing).toEqual([400, { refresh: ['This field is required.'] }]);
  });

  it('refuses a token after seven days, and housekeeping removes it', async () => {
    const old = await session();
    site.pass(7 * 86_400 - 1);
    const young = await refresh(old);
    site.pass(2);
    expect(await refusal(refresh(old))).toEqual(refused);
    await accounts.purgeExpired(site.shell);
    const rows = await site.database.query<{ expires_at: string }>('SELECT expires_at FROM refresh_tokens');
    const now = site.stranger().now().toISOString();
    expect(rows.length).toBeGreaterThan(0);
    expect(rows.filter(({ expires_at }) => expires_at < now)).toEqual([]);
    expect(await refresh(young)).toBeTruthy();
  });

  it('refuses a disabled user, also after that one was let in again', async () => {
    await site.person('bob', 'operator');
    const token = await session('bob');
    const { id } = await accounts.requireUser(site.shell, 'bob');
    await accounts.disableUser(site.shell, id);
    expect(await refusal(refresh(token))).toEqual(refused);
    await accounts.addUser(site.shell, { username: 'bob' });
    expect(await refusal(refresh(token))).toEqual(refused);
    expect(await session('bob')).toBeTruthy();
  });

  it('ends every session of a password that is changed', async () => {
    await site.person('carol', 'operator');
    const [one, two] = [await session('carol'), await session('carol')];
    const { id } = await accounts.requireUser(site.shell, 'carol');
    await accounts.setPassword(site.shell, id, 'another long password');
    expect(await refusal(refresh(one))).toEqual(refused);
    expect(await refusal(refresh(two))).toEqual(refused);
  });

  it('lets no refresh slip past a password change that waits for it', async () => {
    const hash = await hashPassword(password);
    const token = await session();
    const gate = beforeCommit(site.database);
    const refreshing = refresh(token, site.stranger(gate.db));
    await gate.reached;
    const change = inTransaction(site.shell, (tx) => storePassword(tx, alice.id, hash));
    // Long enough for the change to run into what the refresh has locked; what must hold does not depend on it.
    await setTimeout(150);
    gate.open();
    const [successor] = await Promise.all([refreshing, change]);
    expect(await refusal(refresh(token))).toEqual(refused);
    expect(await refusal(refresh(successor))).toEqual(refused);
  });
});
