import { afterAll, beforeAll, expect, it } from 'vitest';
import * as accounts from '../../../src/domain/accounts/service.ts';
import * as kiosk from '../../../src/domain/kiosk/service.ts';
import { onEveryDatabase } from '../../support/databases.ts';
import { type PeopleSite, peopleSite, refusal, settings } from '../accounts/people.ts';

onEveryDatabase('pairing a kiosk', (dialect) => {
  let site: PeopleSite;
  let attempts = 0;
  const access = accounts.createAccess(settings);
  beforeAll(async () => {
    site = await peopleSite(dialect);
  });
  afterAll(() => site.close());

  const pair = (name: string, changes: object = {}, tenant = site.plant) =>
    kiosk.pair(site.shellIn(tenant), { name, role: 'operator', minutes: 15, scanner: '', ...changes });
  /** Each from an address of its own, so that the limit on guessing is not met by chance. */
  const redeem = (code: string, address = `10.0.0.${attempts++}`) => kiosk.redeem(site.stranger(), { code }, address);
  const roleOf = async (token: string, tenant: string) => {
    const ctx = site.stranger();
    const principal = await access.authenticate(ctx, `Bearer ${token}`);
    return (await access.enterTenant(ctx, principal, tenant)).actor;
  };
  const notGood = [400, { code: ['This code is wrong, used or expired. Make a new one with `assetra kiosk pair`.'] }];

  it('turns the code into a token of that tenant and role, once', async () => {
    const { code, expires_at } = await pair('Dock 1', { scanner: 'Gate', location: 'D3', mode: 'check_out' });
    expect(code).toMatch(/^[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}$/);
    expect(Date.parse(expires_at) - site.shell.now().getTime()).toBe(15 * 60_000);
    const stored = await site.database.query('SELECT * FROM kiosk_pairings');
    expect(JSON.stringify(stored)).not.toContain(code.replace('-', ''));
    const paired = await redeem(code);
    expect(paired).toEqual({
      token: expect.stringMatching(/^ast_/),
      tenant_id: site.plant.id,
      tenant_slug: 'plant',
      tenant_name: 'Plant',
      name: 'Dock 1',
      role: 'operator',
      scanner: 'Gate',
      location: 'D3',
      mode: 'check_out',
      mode_timeout_s: 120,
    });
    expect(await roleOf(paired.token, 'plant')).toMatchObject({
      kind: 'token',
      label: 'token:Dock 1',
      role: 'operator',
    });
    expect(await refusal(roleOf(paired.token, 'other'))).toEqual([403, expect.any(String)]);
    expect(await refusal(redeem(code))).toEqual(notGood);
  });

  it('reads the code as people type it', async () => {
    const { code } = await pair('Typed');
    const typed = ` ${code.toLowerCase().replace('-', ' ').replaceAll('0', 'o').replaceAll('1', 'l')} `;
    expect((await redeem(typed)).name).toBe('Typed');
  });

  it('gives one answer for a code that is wrong, expired, or of a tenant that was shut', async () => {
    expect(await refusal(redeem('ZZZZ-ZZZZ'))).toEqual(notGood);
    const { code } = await pair('Late', { minutes: 1 });
    site.pass(61);
    expect(await refusal(redeem(code))).toEqual(notGood);
    const shut = await accounts.addTenant(site.shell, { name: 'Shut' });
    const ofShut = await pair('Screen', {}, shut);
    await accounts.disableTenant(site.shell, 'shut');
    expect(await refusal(redeem(ofShut.code))).toEqual(notGood);
    const left = await site.database.query('SELECT id FROM api_tokens WHERE tenant_id = ?', [shut.id]);
    expect(left).toEqual([]);
  });

  it('gives one of two pages that use a code at once a token', async () => {
    const { code } = await pair('Race');
    const outcomes = await Promise.allSettled([redeem(code), redeem(code), redeem(code)]);
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected', 'rejected']);
  });

  it('keeps names of tenants apart, and gives a kiosk that is paired again a new token and role', async () => {
    const first = await redeem((await pair('Again')).code);
    const elsewhere = await redeem((await pair('Again', {}, site.other)).code);
    const second = await redeem((await pair('Again', { role: 'read_only' })).code);
    expect(await refusal(roleOf(first.token, 'plant'))).toEqual([401, expect.any(String)]);
    expect(await roleOf(second.token, 'plant')).toMatchObject({ label: 'token:Again', role: 'read_only' });
    expect(await roleOf(elsewhere.token, 'other')).toMatchObject({ role: 'operator' });
    await accounts.revokeToken(site.shellIn(site.plant), 'Again');
    expect(await refusal(roleOf(second.token, 'plant'))).toEqual([401, expect.any(String)]);
    const third = await redeem((await pair('Again')).code);
    expect(await roleOf(third.token, 'plant')).toMatchObject({ role: 'operator' });
    const rows = await site.database.query('SELECT id FROM api_tokens WHERE name = ?', ['Again']);
    expect(rows).toHaveLength(2);
  });

  it('takes the place of no token that is not a kiosk', async () => {
    const host = await accounts.addToken(site.shellIn(site.plant), { name: 'Host', role: 'operator' });
    expect(await refusal(pair('Host'))).toEqual([
      409,
      '"Host" is the name of an API token that is no kiosk\'s. Choose another name.',
    ]);
    const { code } = await pair('Later taken');
    await accounts.addToken(site.shellIn(site.plant), { name: 'Later taken', role: 'admin' });
    expect(await refusal(redeem(code))).toEqual([409, expect.any(String)]);
    expect(await roleOf(host.token, 'plant')).toMatchObject({ label: 'token:Host' });
  });

  it('names what is wrong with a pairing', async () => {
    expect(await refusal(pair('', { role: 'owner', minutes: 0 }))).toMatchObject([
      400,
      { name: [expect.any(String)], role: [expect.any(String)], minutes: [expect.any(String)] },
    ]);
  });

  it('makes an address that guesses wait, and no other', async () => {
    const { code } = await pair('Guessed');
    const failures = [];
    for (let guess = 0; guess < 6; guess += 1) failures.push(await refusal(redeem(`AAAA-AAA${guess}`, '10.9.9.9')));
    expect(failures[0]).toEqual(notGood);
    expect(failures.at(-1)).toEqual([429, expect.stringContaining('Too many failed attempts')]);
    expect(await refusal(redeem(code, '10.9.9.9'))).toEqual([429, expect.any(String)]);
    expect((await redeem(code, '10.9.9.8')).name).toBe('Guessed');
    site.pass(31);
    const next = await pair('Patient');
    expect((await redeem(next.code, '10.9.9.9')).name).toBe('Patient');
  });

  it('forgets codes that ran out unused, and keeps those that were used', async () => {
    await pair('Unused', { minutes: 1 });
    const used = await redeem((await pair('Used', { minutes: 1 })).code);
    site.pass(120);
    await pair('Next');
    const names = (await site.database.query<{ name: string }>('SELECT name FROM kiosk_pairings')).map(
      ({ name }) => name,
    );
    expect([names.includes('Unused'), names.includes(used.name), names.includes('Next')]).toEqual([false, true, true]);
  });
});
