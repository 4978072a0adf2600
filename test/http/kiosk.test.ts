import { afterAll, beforeAll, expect, it } from 'vitest';
import * as kiosk from '../../src/domain/kiosk/service.ts';
import { type TestApp, testApp } from '../support/app.ts';
import { onEveryDatabase } from '../support/databases.ts';
import { unique } from '../support/samples.ts';

onEveryDatabase('the kiosk over HTTP', (dialect) => {
  let app: TestApp;
  beforeAll(async () => {
    app = await testApp(dialect);
  });
  afterAll(() => app.close());

  const pair = async (role: 'operator' | 'read_only' = 'operator', tenant = app.plant) => {
    const input = { name: unique('K'), role, minutes: 15, scanner: '' };
    const { code } = await kiosk.pair(app.as('admin', tenant), input);
    return (await app.call('POST', 'kiosk/pair/', { role: null, body: { code } })).body;
  };
  const as = (token: string) => ({ headers: { Authorization: `Bearer ${token}` } });

  it('pairs without a log-in, and the token does what its role may in its tenant', async () => {
    const { token, tenant_slug } = await pair();
    expect(tenant_slug).toBe('plant');
    const scan = await app.call('POST', 'scan-events/', { ...as(token), body: { raw_value: 'X-1' } });
    expect([scan.status, scan.body.status]).toEqual([201, 'validated']);
    expect((await app.call('GET', 'assets/', { ...as(token), tenant: app.other })).status).toBe(403);
    expect((await app.call('POST', 'tokens/', { ...as(token), body: { name: 'x', role: 'admin' } })).status).toBe(403);
    const viewer = await pair('read_only');
    expect(viewer.role).toBe('read_only');
    const refused = await app.call('POST', 'scan-events/', { ...as(viewer.token), body: { raw_value: 'X-2' } });
    expect(refused.status).toBe(403);
    expect((await app.call('GET', 'live-data/', as(viewer.token))).status).toBe(200);
  });

  it('refuses a token that was revoked', async () => {
    const { token, name } = await pair();
    const [row] = (await app.call('GET', `tokens/?name=${name}`)).body.results;
    expect(JSON.stringify(row)).not.toContain(token);
    expect((await app.call('DELETE', `tokens/${row.id}/`)).status).toBe(204);
    expect((await app.call('POST', 'scan-events/', { ...as(token), body: { raw_value: 'X-3' } })).status).toBe(401);
  });

  it("says how the tenant's scanners, printers and deliveries stand, and nothing of another tenant", async () => {
    const device = { name: unique('D'), kind: 'tcp', path: 'tcp://192.0.2.1:4001', settings: { mode: 'check_in' } };
    const printer = { name: unique('P'), url: 'tcp://192.0.2.2:9100' };
    for (const [path, body] of [
      ['devices/', device],
      ['printers/', printer],
    ] as const)
      expect((await app.call('POST', path, { body })).status).toBe(201);
    const viewer = await pair('read_only');
    const { status, body } = await app.call('GET', 'kiosk/status/', as(viewer.token));
    expect([status, body]).toEqual([
      200,
      {
        version: expect.stringMatching(/^\d+\./),
        page: expect.stringMatching(/^[0-9a-f]{16}$/),
        devices: [
          { name: device.name, state: 'elsewhere', message: '', waiting: 0, mode: 'check_in', rest_mode: 'check_in' },
        ],
        printers: [{ name: printer.name, state: 'new', message: '' }],
        dead_letters: 0,
      },
    ]);
    expect(JSON.stringify(body)).not.toContain('192.0.2');
    const other = await app.call('GET', 'kiosk/status/', { tenant: app.other });
    expect(other.body).toMatchObject({ devices: [], printers: [] });
    expect((await app.call('GET', 'kiosk/status/', { role: null })).status).toBe(401);
  });

  it('says what is wrong with a request, and keeps guessers waiting', async () => {
    const post = (call: object) => app.call('POST', 'kiosk/pair/', { role: null, ...call });
    expect((await post({ body: {} })).body).toHaveProperty('code');
    expect((await post({ raw: '{' })).status).toBe(400);
    expect((await app.call('GET', 'kiosk/pair/', { role: null })).status).toBe(405);
    const statuses = [];
    for (let guess = 0; guess < 6; guess += 1)
      statuses.push((await post({ body: { code: `AAAAAAA${guess}` } })).status);
    expect(statuses).toEqual([400, 400, 400, 400, 400, 429]);
    const refused = await post({ body: { code: 'AAAA-AAAA' } });
    expect(Number(refused.headers.get('Retry-After'))).toBeGreaterThan(0);
  });
});

it('the page loads all it names from here, under a policy that allows nothing else', async () => {
  const app = await testApp('sqlite');
  try {
    const bare = await fetch(`${app.url}/kiosk`, { redirect: 'manual' });
    expect([bare.status, bare.headers.get('Location')]).toEqual([302, 'kiosk/']);
    const page = await fetch(`${app.url}/kiosk/`);
    const html = await page.text();
    expect(page.headers.get('Content-Type')).toMatch(/^text\/html/);
    const policy = page.headers.get('Content-Security-Policy')!;
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toMatch(/https?:|\*|unsafe/);
    const { page: stamp } = (await app.call('GET', 'kiosk/status/')).body;
    // After an upgrade the worker is another file, so a browser takes the new page, whole.
    expect(html).toContain(`data-page="${stamp}"`);
    expect(await (await fetch(`${app.url}/kiosk/sw.js`)).text()).toContain(`-${stamp}\``);
    expect(html).not.toMatch(/https?:\/\/|<script>|style=|\son\w+=/);
    const worker = await (await fetch(`${app.url}/kiosk/sw.js`)).text();
    const kept = [...worker.matchAll(/^ {2}'([\w.]+)',$/gm)].map((match) => match[1]!);
    const seen = new Set<string>();
    for (const name of ['kiosk.css', 'kiosk.js', 'sw.js', ...kept]) await read(name);
    // Whatever a script imports is there, and is kept for when the server is away.
    expect([...seen].filter((name) => name !== 'sw.js').sort()).toEqual(kept.sort());
    for (const name of ['..%2f..%2fpackage.json', '%2e%2e', 'constructor', 'nothing.js'])
      expect([name, (await fetch(`${app.url}/kiosk/${name}`)).status]).toEqual([name, 404]);

    async function read(name: string): Promise<void> {
      if (seen.has(name)) return;
      seen.add(name);
      const answer = await fetch(`${app.url}/kiosk/${name}`);
      const text = await answer.text();
      expect([name, answer.status, answer.headers.get('X-Content-Type-Options')]).toEqual([name, 200, 'nosniff']);
      expect(answer.headers.get('Content-Type')).toMatch(name.endsWith('.css') ? /css/ : /javascript/);
      expect(text.replace('http://www.w3.org/2000/svg', '').replaceAll('http://www.w3.org/2000/svg', '')).not.toMatch(
        /https?:\/\/|@import|url\(/,
      );
      const etag = answer.headers.get('ETag')!;
      const again = await fetch(`${app.url}/kiosk/${name}`, {
        headers: { 'If-None-Match': etag, 'Cache-Control': 'max-age=0' },
      });
      expect(again.status).toBe(304);
      for (const [, imported] of text.matchAll(/^import .* from '\.\/([\w.]+)';$/gm)) await read(imported!);
    }
  } finally {
    await app.close();
  }
});
