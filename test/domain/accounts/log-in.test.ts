import jwt from 'jsonwebtoken';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Database } from '../../../src/db/database.ts';
import * as limit from '../../../src/domain/accounts/login-limit.ts';
import { verifyPassword } from '../../../src/domain/accounts/passwords.ts';
import * as accounts from '../../../src/domain/accounts/service.ts';
import { onEveryDatabase } from '../../support/databases.ts';
import { type PeopleSite, password, peopleSite, refusal, settings } from './people.ts';

const wrong = [401, 'No active account found with the given credentials'];

onEveryDatabase('log-in', (dialect) => {
  let site: PeopleSite;
  const access = accounts.createAccess(settings);
  beforeAll(async () => {
    site = await peopleSite(dialect);
    await site.person('alice', 'admin');
    await site.person('bob', 'operator');
  });
  afterAll(() => site.close());

  const logIn = (username: string, secret = password, address = '10.0.0.1', ctx = site.stranger()) =>
    access.logIn(ctx, { username, password: secret }, address);
  const locked = (seconds: number) => ({
    status: 429,
    retryAfter: seconds,
    message: `Too many failed attempts. Try again in ${seconds} seconds.`,
  });

  it('answers two tokens with the claims and lifetimes of the older service', async () => {
    const tokens = await logIn('alice');
    const { id } = await accounts.requireUser(site.shell, 'alice');
    const [one, two] = [tokens.access, tokens.refresh].map((token) => jwt.decode(token, { complete: true })!);
    expect([one!.header.alg, two!.header.alg]).toEqual(['HS256', 'HS256']);
    const iat = Math.floor(site.stranger().now().getTime() / 1000);
    expect(one!.payload).toEqual({ token_type: 'access', user_id: id, jti: expect.any(String), iat, exp: iat + 1800 });
    expect(two!.payload).toMatchObject({ token_type: 'refresh', user_id: id, iat, exp: iat + 7 * 86_400 });
  });

  it('notes when a user logged in', async () => {
    await logIn('alice');
    const alice = (await accounts.listUsers(site.shell)).find(({ username }) => username === 'alice')!;
    expect(alice.last_login_at).toBe(site.stranger().now().toISOString());
  });

  it('refuses an unknown user, a wrong password and a disabled user in the same words', async () => {
    const carol = await site.person('carol', 'auditor');
    await accounts.disableUser(site.shell, carol.id);
    expect(await refusal(logIn('nobody-here'))).toEqual(wrong);
    expect(await refusal(logIn('alice', 'not the password'))).toEqual(wrong);
    expect(await refusal(logIn('carol'))).toEqual(wrong);
    await logIn('alice');
  });

  it('tells user names apart by case, and bears names that no database stores', async () => {
    expect(await refusal(logIn('ALICE', password, '10.0.0.2'))).toEqual(wrong);
    expect(await refusal(logIn('ali\0ce', password, '10.0.0.2'))).toEqual(wrong);
    expect(await refusal(logIn('\ud800', password, '10.0.0.2'))).toEqual(wrong);
    expect(await refusal(logIn("alice' OR '1'='1", password, '10.0.0.2'))).toEqual(wrong);
  });

  it('names the fields of a faulty body', async () => {
    const body = (value: unknown) => refusal(access.logIn(site.stranger(), value, '10.0.0.3'));
    const required = ['This field is required.'];
    expect(await body({})).toEqual([400, { username: required, password: required }]);
    expect(await body({ username: '', password: 7 })).toEqual([
      400,
      { username: ['This field may not be blank.'], password: ['Not a valid string.'] },
    ]);
    expect(await body({ username: 'u'.repeat(151), password: 'p'.repeat(1_025) })).toEqual([
      400,
      {
        username: ['Ensure this field has no more than 150 characters.'],
        password: ['Ensure this field has no more than 1024 characters.'],
      },
    ]);
  });

  it('locks a name for its address after five failures, even with the right password, and no one else', async () => {
    const address = '10.1.0.1';
    for (let failure = 1; failure <= 5; failure += 1)
      expect(await refusal(logIn('bob', 'wrong wrong', address))).toEqual(wrong);
    await expect(logIn('bob', password, address)).rejects.toMatchObject(locked(30));
    await expect(logIn('BOB', password, address)).rejects.toMatchObject(locked(30));
    await logIn('alice', password, address);
    await logIn('bob', password, '10.1.0.2');
    site.pass(29);
    await expect(logIn('bob', password, address)).rejects.toMatchObject(locked(1));
    site.pass(1);
    await logIn('bob', password, address);
    expect(await refusal(logIn('bob', 'wrong wrong', address))).toEqual(wrong);
    await logIn('bob', password, address);
  });

  it('keeps the lock where every process sees it', async () => {
    const address = '10.1.0.3';
    for (let failure = 1; failure <= 5; failure += 1) await limit.begin(site.stranger(), 'bob', address);
    const elsewhere = new Database(site.config);
    try {
      await expect(logIn('bob', password, address, site.stranger(elsewhere))).rejects.toMatchObject(locked(30));
    } finally {
      await elsewhere.close();
    }
  });

  it('doubles the lock with each further failure, up to fifteen minutes, and forgets fifteen minutes after', async () => {
    const address = '10.1.0.4';
    const attempt = () => limit.begin(site.stranger(), 'bob', address);
    for (let failure = 1; failure < 5; failure += 1) await attempt();
    for (const seconds of [30, 60, 120, 240, 480, 900, 900, 900]) {
      await attempt();
      await expect(attempt()).rejects.toMatchObject(locked(seconds));
      site.pass(seconds + 5);
    }
    site.pass(15 * 60 + 1);
    for (let failure = 1; failure <= 5; failure += 1) await attempt();
    await expect(attempt()).rejects.toMatchObject(locked(30));
  });

  it('forgets failures fifteen minutes after the last', async () => {
    const attempt = () => limit.begin(site.stranger(), 'bob', '10.1.0.5');
    for (let failure = 1; failure < 5; failure += 1) await attempt();
    site.pass(15 * 60 + 1);
    for (let failure = 1; failure <= 5; failure += 1) await attempt();
    await expect(attempt()).rejects.toMatchObject(locked(30));
  });

  it('lets five of a flood through, however many come at once', async () => {
    const flood = Array.from({ length: 30 }, () => limit.begin(site.stranger(), 'bob', '10.1.0.6'));
    const outcomes = await Promise.allSettled(flood);
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(5);
    for (const outcome of outcomes) if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject(locked(30));
  });

  it('lets one user log in many times at once', async () => {
    const tokens = await Promise.all(Array.from({ length: 4 }, () => logIn('alice', password, '10.1.0.7')));
    expect(new Set(tokens.map(({ refresh }) => refresh)).size).toBe(4);
  });

  it('locks an address that tries a list of names, and a success of its own does not clear it', async () => {
    const attempt = (name: string) => limit.begin(site.stranger(), name, '10.2.0.1');
    for (let index = 0; index < 98; index += 1) await attempt(`guess-${index}`);
    await attempt('alice');
    await limit.succeeded(site.stranger(), 'alice', '10.2.0.1');
    await attempt('guess-98');
    await attempt('guess-99');
    await expect(attempt('guess-100')).rejects.toMatchObject(locked(30));
    await limit.begin(site.stranger(), 'guess-100', '10.2.0.2');
  });

  it('charges a name nothing for attempts that its locked address refused', async () => {
    const attempt = (name: string) => limit.begin(site.stranger(), name, '10.2.0.3');
    for (let index = 0; index < 100; index += 1) await attempt(`guess-${index}`);
    for (let index = 0; index < 6; index += 1) await expect(attempt('bob')).rejects.toMatchObject(locked(30));
    site.pass(30);
    await expect(attempt('bob')).resolves.toBeUndefined();
  });

  it('opens no session with a password that was changed meanwhile', async () => {
    const dora = await site.person('dora', 'operator');
    // The queue of password checks is filled, so the change falls between reading the user and opening the session.
    const busy = Array.from({ length: 6 }, () => verifyPassword('x', null));
    const opened = logIn('dora', password, '10.3.0.1').catch(() => undefined);
    await busy[1];
    await accounts.setPassword(site.shell, dora.id, 'another long password');
    const tokens = await opened;
    await Promise.all(busy);
    if (tokens) expect(await refusal(access.refresh(site.stranger(), tokens))).toEqual([401, expect.any(String)]);
    await logIn('dora', 'another long password', '10.3.0.1');
  });

  it('forgets failures in the housekeeping of the day after', async () => {
    await limit.begin(site.stranger(), 'bob', '10.4.0.1');
    const rows = async () => (await site.database.query('SELECT subject FROM login_attempts')).length;
    await accounts.purgeExpired(site.shell);
    expect(await rows()).toBeGreaterThan(0);
    site.pass(86_401);
    await accounts.purgeExpired(site.shell);
    expect(await rows()).toBe(0);
  });
});
