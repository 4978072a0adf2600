import { afterAll, beforeAll, expect, it } from 'vitest';
import { type TestApp, testApp } from '../support/app.ts';
import { onEveryDatabase } from '../support/databases.ts';

onEveryDatabase('a POST with an Idempotency-Key', (dialect) => {
  let app: TestApp;
  beforeAll(async () => {
    app = await testApp(dialect);
  });
  afterAll(() => app.close());

  const post = (key: string, body: object, more: object = {}) =>
    app.call('POST', 'assets/', { body, headers: { 'Idempotency-Key': key }, ...more });
  const rowsOf = async (tag: string) => (await app.call('GET', `assets/?asset_tag=${tag}`)).body.count;

  it('sent again gives the first answer, and makes one row', async () => {
    const body = { asset_tag: 'I-1', name: 'Drill', custom_fields: { b: 1, a: [2] } };
    const first = await post('key-1', body);
    const second = await post('key-1', body);
    expect([first.status, first.headers.get('Idempotent-Replayed')]).toEqual([201, null]);
    expect([second.status, second.headers.get('Idempotent-Replayed')]).toEqual([201, 'true']);
    expect(second.text).toBe(first.text);
    expect(second.headers.get('ETag')).toBe(first.headers.get('ETag'));
    expect(await rowsOf('I-1')).toBe(1);
  });

  it('gives the first answer even after the row was changed', async () => {
    const body = { asset_tag: 'I-2', name: 'Drill' };
    const first = await post('key-2', body);
    await app.call('PATCH', `assets/${first.body.id}/`, { body: { name: 'Saw' } });
    expect((await post('key-2', body)).body.name).toBe('Drill');
  });

  it('is a conflict when another request has used the key', async () => {
    const body = { asset_tag: 'I-3', name: 'Drill' };
    await post('key-3', body);
    expect((await post('key-3', { ...body, name: 'Saw' })).status).toBe(409);
    const elsewhere = await app.call('POST', 'locations/', {
      body: { ...body, code: 'I-3' },
      headers: { 'Idempotency-Key': 'key-3' },
    });
    expect([elsewhere.status, elsewhere.body.detail]).toEqual([409, expect.stringContaining('Idempotency-Key')]);
  });

  it('sent many times at once makes one row, and every answer is that row', async () => {
    const body = { asset_tag: 'I-4', name: 'Drill' };
    const answers = await Promise.all(Array.from({ length: 8 }, () => post('key-4', body)));
    expect(answers.map(({ status }) => status)).toEqual(Array(8).fill(201));
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(answers.filter(({ headers }) => headers.get('Idempotent-Replayed') === null)).toHaveLength(1);
    expect(await rowsOf('I-4')).toBe(1);
  });

  it('that failed can be sent again with the same key', async () => {
    expect((await post('key-5', { name: 'No tag' })).status).toBe(400);
    const first = await app.call('POST', 'assets/', { body: { asset_tag: 'I-5', name: 'In the way' } });
    const body = { asset_tag: 'I-5', name: 'Drill' };
    expect((await post('key-5', body)).status).toBe(409);
    await app.call('DELETE', `assets/${first.body.id}/`);
    const made = await post('key-5', body);
    expect([made.status, made.headers.get('Idempotent-Replayed')]).toEqual([201, null]);
  });

  it('is kept apart by tenant and by caller', async () => {
    const body = { asset_tag: 'I-6', name: 'Drill' };
    const mine = await post('key-6', body);
    const theirs = await post('key-6', body, { tenant: app.other });
    expect([mine.status, theirs.status, theirs.headers.get('Idempotent-Replayed')]).toEqual([201, 201, null]);
    expect(theirs.body.tenant).toBe(app.other.id);
    expect((await post('key-6', body, { role: 'operator' })).status).toBe(409);
    expect((await post('key-6', body, { role: 'read_only' })).status).toBe(403);
  });

  it('replays an action and a scan as well', async () => {
    const { id } = (await app.call('POST', 'assets/', { body: { asset_tag: 'I-7', name: 'Drill' } })).body;
    const headers = { 'Idempotency-Key': 'key-7' };
    const checkOut = () =>
      app.call('POST', `assets/${id}/check-out/`, { headers, body: { assigned_to: app.userId('operator') } });
    const first = await checkOut();
    expect(first.status).toBe(200);
    expect((await checkOut()).text).toBe(first.text);
    expect((await app.call('GET', `assets/${id}/history/`)).body.results).toHaveLength(2);
    const scan = () =>
      app.call('POST', 'scan-events/', { headers: { 'Idempotency-Key': 'key-8' }, body: { raw_value: 'I-7' } });
    expect((await scan()).body.id).toBe((await scan()).body.id);
  });

  it('with a key that no header may hold is a 400', async () => {
    for (const key of ['two words', 'x'.repeat(256)])
      expect((await post(key, { asset_tag: 'I-9', name: 'Drill' })).status).toBe(400);
    expect(await rowsOf('I-9')).toBe(0);
  });
});
