import { afterAll, beforeAll, expect, it } from 'vitest';
import { type TestApp, testApp } from '../support/app.ts';
import { onEveryDatabase } from '../support/databases.ts';

onEveryDatabase('the version of a row', (dialect) => {
  let app: TestApp;
  beforeAll(async () => {
    app = await testApp(dialect);
  });
  afterAll(() => app.close());

  /** A token for what is read without `call`: a browser's conditional reading. */
  let token: string;
  beforeAll(async () => {
    token = (await app.call('POST', 'tokens/', { body: { name: 'reader', role: 'read_only' } })).body.token;
  });
  const read = (path: string, etag: string) =>
    fetch(`${app.url}/api/v1/${path}`, {
      headers: { Authorization: `Bearer ${token}`, 'X-Tenant-ID': 'plant', 'If-None-Match': etag },
    });

  let made = 0;
  async function newAsset() {
    made += 1;
    const answer = await app.call('POST', 'assets/', { body: { asset_tag: `V-${made}`, name: 'Drill' } });
    return { path: `assets/${answer.body.id}/`, etag: answer.headers.get('ETag')! };
  }
  const patch = (path: string, name: string, ifMatch?: string) =>
    app.call('PATCH', path, { body: { name }, headers: ifMatch === undefined ? {} : { 'If-Match': ifMatch } });

  it('is the same at its making and at each reading, and another after a change', async () => {
    const { path, etag } = await newAsset();
    expect(etag).toMatch(/^"[0-9a-f]+"$/);
    expect((await app.call('GET', path)).headers.get('ETag')).toBe(etag);
    const changed = await patch(path, 'Saw');
    expect(changed.headers.get('ETag')).not.toBe(etag);
    expect((await app.call('GET', path)).headers.get('ETag')).toBe(changed.headers.get('ETag'));
  });

  it('spares a reader who has it the body', async () => {
    const { path, etag } = await newAsset();
    for (const sent of [etag, `"other", ${etag}`, `W/${etag}`, '*']) {
      const answer = await read(path, sent);
      expect([sent, answer.status, await answer.text(), answer.headers.get('ETag')]).toEqual([sent, 304, '', etag]);
    }
    const changed = await patch(path, 'Saw');
    const again = await read(path, etag);
    expect([again.status, again.headers.get('ETag')]).toEqual([200, changed.headers.get('ETag')]);
    expect(await again.json()).toMatchObject({ name: 'Saw' });
  });

  it('lets the first of two writers through, and tells the second', async () => {
    const { path, etag } = await newAsset();
    const [one, two] = await Promise.all([patch(path, 'One', etag), patch(path, 'Two', etag)]);
    expect([one.status, two.status].sort()).toEqual([200, 412]);
    const winner = one.status === 200 ? one : two;
    const loser = one.status === 200 ? two : one;
    expect((await app.call('GET', path)).body.name).toBe(winner.body.name);
    expect(loser.body).toEqual({ detail: expect.stringContaining('changed by someone else') });
    expect((await patch(path, 'Again', winner.headers.get('ETag')!)).status).toBe(200);
  });

  it('guards replacing and deleting alike', async () => {
    const { path, etag } = await newAsset();
    const stale = { 'If-Match': '"0123456789abcdef0123456789abcdef"' };
    const body = { asset_tag: `PUT-${made}`, name: 'Whole' };
    expect((await app.call('PUT', path, { body, headers: stale })).status).toBe(412);
    expect((await app.call('DELETE', path, { headers: stale })).status).toBe(412);
    expect((await app.call('GET', path)).headers.get('ETag')).toBe(etag);
    expect((await app.call('PUT', path, { body, headers: { 'If-Match': '*' } })).status).toBe(200);
    expect((await app.call('DELETE', path)).status).toBe(204);
  });
});
