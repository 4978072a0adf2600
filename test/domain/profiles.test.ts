import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isOn } from '../../src/domain/profiles/service.ts';
import { type TestApp, testApp } from '../support/app.ts';
import { onEveryDatabase } from '../support/databases.ts';

const device = (device_identifier: string, platform = 'android') =>
  ({ device_identifier, platform, sdk_features: { nfc: true, camera: { fps: 30, hdr: null } } }) as never;
const flag = (conditions: Record<string, unknown>, enabled = true) => ({ key: 'f', enabled, conditions });

describe('a feature flag', () => {
  it.each([
    [{}, true],
    [{ platform: 'android' }, true],
    [{ platform: ['ios', 'android'] }, true],
    [{ platform: 'ios' }, false],
    [{ device_identifier: 'A' }, true],
    [{ device_identifier: ['B'] }, false],
    [{ percentage: 100 }, true],
    [{ percentage: 0 }, false],
    [{ sdk_features: { nfc: true } }, true],
    [{ sdk_features: { nfc: false } }, false],
    [{ platform: 'android', device_identifier: 'B' }, false],
    [{ sdk_features: { camera: { hdr: null, fps: 30 } } }, true],
    [{ sdk_features: { camera: { fps: 30 } } }, false],
    [{ sdk_features: { toString: undefined, valueOf: null } }, false],
  ])('with %j is %s', (conditions, on) => {
    expect(isOn(flag(conditions), device('A'))).toBe(on);
    expect(isOn(flag(conditions, false), device('A'))).toBe(false);
  });

  it('is on for about as many devices as it says, always the same, and more when it says more', () => {
    const devices = Array.from({ length: 2_000 }, (_, index) => device(`device-${index}`));
    const share = (percentage: number) => new Set(devices.filter((one) => isOn(flag({ percentage }), one)));
    const [some, more] = [share(20), share(40)];
    expect(Math.abs(some.size - 400)).toBeLessThan(80);
    expect([...some].every((one) => more.has(one))).toBe(true);
  });
});

onEveryDatabase('feature flags', (dialect) => {
  let app: TestApp;
  beforeAll(async () => {
    app = await testApp(dialect);
  });
  afterAll(() => app.close());

  it('are told for a device, by its id or identifier', async () => {
    const profile = { name: 'Dock', platform: 'kiosk', device_identifier: 'kiosk 1' };
    const { id } = (await app.call('POST', 'device-profiles/', { body: profile })).body;
    for (const [key, body] of [
      ['beep', { enabled: true }],
      ['nfc', { enabled: true, conditions: { platform: 'ios' } }],
    ] as const)
      expect((await app.call('POST', 'feature-flags/', { body: { key, ...body } })).status).toBe(201);
    await app.call('POST', 'feature-flags/', { tenant: app.other, body: { key: 'theirs', enabled: true } });
    const ask = (query: string) => app.call('GET', `feature-flags/evaluate/?${query}`, { role: 'read_only' });
    expect((await ask(`device_profile=${id}`)).body).toEqual({ beep: true, nfc: false });
    expect((await ask('device_identifier=kiosk%201')).body).toEqual({ beep: true, nfc: false });
    expect((await ask('device_identifier=none')).body).toEqual({ device_identifier: ['Device profile not found.'] });
    expect((await ask('device_profile=999999')).body).toEqual({ device_profile: ['Device profile not found.'] });
    expect((await ask('device_profile=x')).status).toBe(400);
    expect((await ask('')).status).toBe(400);
    expect((await ask(`device_profile=${id}&device_identifier=none`)).status).toBe(400);
  });

  it('are unique by key, ordered and searched by it', async () => {
    const create = (key: string, tenant = app.plant) => app.call('POST', 'feature-flags/', { tenant, body: { key } });
    for (const key of ['zebra', 'aardvark']) await create(key);
    const again = await create('zebra');
    expect([again.status, again.body]).toEqual([409, { detail: 'Another feature flag with this key already exists.' }]);
    expect((await create('zebra', app.other)).status).toBe(201);
    const keys = async (query: string) =>
      (await app.call('GET', `feature-flags/?${query}`)).body.results.map((row: { key: string }) => row.key);
    const sorted = await keys('ordering=key');
    expect(sorted).toEqual([...sorted].sort());
    expect(await keys('search=ZEB')).toEqual(['zebra']);
    expect(await keys('key=aardvark')).toEqual(['aardvark']);
    const page = await app.call('GET', 'feature-flags/?cursor=&page_size=1&ordering=-key');
    const next = await app.call('GET', page.body.next.replace(app.url, ''));
    expect([page.body.results[0].key, next.body.results.length]).toEqual(['zebra', 1]);
  });

  it('refuse conditions that nobody knows, by name', async () => {
    const create = (conditions: object) => app.call('POST', 'feature-flags/', { body: { key: 'x', conditions } });
    expect((await create({ colour: 'red' })).body).toEqual({ conditions: ['Unknown: colour.'] });
    expect((await create({ percentage: 101 })).body).toHaveProperty(['conditions', 'percentage']);
    expect((await create({ platform: 'beos' })).body).toHaveProperty(['conditions', 'platform']);
  });
});
