import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Role } from '../../../src/db/context.ts';
import { type NewToken, servedTokens, tokens } from '../../../src/domain/accounts/api-tokens.ts';
import * as accounts from '../../../src/domain/accounts/service.ts';
import { onEveryDatabase } from '../../support/databases.ts';
import { type PeopleSite, type Person, peopleSite, refusal, settings } from './people.ts';

onEveryDatabase('API tokens', (dialect) => {
  let site: PeopleSite;
  let alice: Person;
  const access = accounts.createAccess(settings);
  beforeAll(async () => {
    site = await peopleSite(dialect);
    alice = await site.person('alice', 'admin');
  });
  afterAll(() => site.close());

  const admin = () => site.as(alice, 'admin');
  const create = (name: string, body: object = {}) =>
    servedTokens.create(admin(), { name, role: 'operator', ...body }) as Promise<NewToken>;
  const authenticate = (token: string) => access.authenticate(site.stranger(), `Bearer ${token}`);

  it('shows the secret once, and keeps its hash alone', async () => {
    const { token, ...row } = await create('Kiosk 1');
    expect(token).toMatch(/^ast_[\w-]{40}$/);
    expect(row).toMatchObject({
      name: 'Kiosk 1',
      role: 'operator',
      prefix: token.slice(0, 10),
      created_by: alice.id,
      expires_at: null,
      last_used_at: null,
      revoked_at: null,
    });
    expect(await servedTokens.get(admin(), row.id)).toEqual(row);
    expect(tokens.read.strict().safeParse(row).success).toBe(true);
    const [stored] = await site.database.query('SELECT * FROM api_tokens WHERE id = ?', [row.id]);
    expect(JSON.stringify(stored)).not.toContain(token.slice(10));
    expect(JSON.stringify((await servedTokens.list(admin())).rows)).not.toContain('hash');
  });

  it('keeps a name once for a tenant', async () => {
    await create('Door');
    expect(await refusal(create('Door'))).toEqual([409, 'Another token with this name already exists.']);
    await accounts.addToken(site.shellIn(site.other), { name: 'Door', role: 'operator' });
  });

  it('names what is wrong with a new one', async () => {
    expect(await refusal(create('', { role: 'owner', expires_at: 'tomorrow' }))).toEqual([
      400,
      {
        name: ['This field may not be blank.'],
        role: ['"owner" is not a valid choice. Choose one of: admin, operator, auditor, read_only.'],
        expires_at: [expect.stringContaining('RFC 3339')],
      },
    ]);
  });

  it('goes on under a new name and a new role', async () => {
    const { id, token } = await create('Old name');
    await authenticate(token);
    await servedTokens.change(admin(), id, { name: 'New name', role: 'auditor' });
    expect(await authenticate(token)).toMatchObject({ label: 'token:New name', role: 'auditor' });
  });

  it('is refused at once when deleted, and its row stays', async () => {
    const { id, token } = await create('Lost tablet');
    await authenticate(token);
    await servedTokens.remove(admin(), id);
    expect(await refusal(authenticate(token))).toEqual([401, 'Given token not valid for any token type']);
    const revoked_at = site.stranger().now().toISOString();
    expect(await servedTokens.get(admin(), id)).toMatchObject({ name: 'Lost tablet', revoked_at });
    site.pass(60);
    await servedTokens.remove(admin(), id);
    expect(await servedTokens.get(admin(), id)).toMatchObject({ revoked_at });
    expect(await refusal(servedTokens.change(admin(), id, { revoked_at: null }))).toBeUndefined();
    expect(await refusal(authenticate(token))).toEqual([401, expect.any(String)]);
  });

  it('is for admins of the tenant alone', async () => {
    const forbidden = [403, 'You do not have permission to perform this action.'];
    const foreign = await accounts.addToken(site.shellIn(site.other), { name: 'Foreign', role: 'admin' });
    expect(await refusal(servedTokens.get(admin(), foreign.id))).toEqual(forbidden);
    expect(await refusal(servedTokens.remove(admin(), foreign.id))).toEqual(forbidden);
    for (const role of ['operator', 'auditor', 'read_only'] satisfies Role[]) {
      const ctx = site.as(alice, role);
      expect(await refusal(servedTokens.list(ctx))).toEqual(forbidden);
      expect(await refusal(servedTokens.create(ctx, { name: 'x', role: 'admin' }))).toEqual(forbidden);
    }
    expect(await refusal(accounts.listTokens(admin()))).toEqual(forbidden);
    expect(await refusal(accounts.revokeToken(admin(), String(foreign.id)))).toEqual(forbidden);
    await authenticate(foreign.token);
  });

  it('is listed and revoked at the shell by id, or by a name that is clear', async () => {
    const here = await accounts.addToken(site.shellIn(site.plant), { name: 'Twin', role: 'operator' });
    const there = await accounts.addToken(site.shellIn(site.other), { name: 'Twin', role: 'operator' });
    expect(here.created_by).toBeNull();
    const listed = await accounts.listTokens(site.shellIn(site.other));
    expect(listed.map(({ tenant }) => tenant).every((tenant) => tenant === site.other.id)).toBe(true);
    expect(await refusal(accounts.revokeToken(site.shell, 'Twin'))).toEqual([
      409,
      'Several tenants have a token "Twin". Add --tenant, or give its id.',
    ]);
    expect(await refusal(accounts.revokeToken(site.shell, 'Triplet'))).toEqual([
      404,
      'There is no token "Triplet". See `assetra token list`.',
    ]);
    expect((await accounts.revokeToken(site.shellIn(site.plant), 'Twin')).id).toBe(here.id);
    await authenticate(there.token);
    expect((await accounts.revokeToken(site.shell, String(there.id))).revoked_at).toBeTruthy();
    expect(await refusal(authenticate(there.token))).toEqual([401, expect.any(String)]);
  });
});
