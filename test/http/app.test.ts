import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestApp, testApp } from '../support/app.ts';

let app: TestApp;
let id: number;
beforeAll(async () => {
  app = await testApp('sqlite');
  id = (await app.call('POST', 'assets/', { body: { asset_tag: 'A-1', name: 'Drill' } })).body.id;
});
afterAll(() => app.close());

describe('the request id', () => {
  it('says of JSON that is refused whether it is broken or holds a forbidden key', async () => {
    const told = async (raw: string) => (await app.call('POST', 'assets/', { raw })).body.detail;
    expect(await told('{"name": ')).toMatch(/^JSON parse error/);
    expect(await told('{"custom_fields": {"__proto__": 1}}')).toBe('A key "__proto__" is not taken here.');
  });

  it('is the one that was sent, also on a failure', async () => {
    const headers = { 'X-Request-ID': 'from-the-phone/7' };
    for (const [path, status] of [
      ['assets/', 200],
      ['assets/999/', 404],
      ['nowhere/', 404],
    ] as const) {
      const answer = await app.call('GET', path, { headers });
      expect([answer.status, answer.headers.get('X-Request-ID')]).toEqual([status, 'from-the-phone/7']);
    }
  });

  it('is made where none was sent, or one that could break a log line', async () => {
    const made = new Set<string>();
    for (const sent of [undefined, '', 'two words', 'x'.repeat(129), 'umläut']) {
      const answer = await app.call('GET', 'assets/', { headers: sent === undefined ? {} : { 'X-Request-ID': sent } });
      expect(answer.headers.get('X-Request-ID')).toMatch(/^[0-9a-f-]{36}$/);
      made.add(answer.headers.get('X-Request-ID')!);
    }
    expect(made.size).toBe(5);
  });
});

describe('a browser of another origin', () => {
  const preflight = (origin: string) =>
    app.call('OPTIONS', 'scan-events/', {
      role: null,
      headers: {
        Origin: origin,
        'Access-Control-Request-Method': 'POST',
        'Access-Control-Request-Headers': 'authorization,content-type,x-tenant-id,idempotency-key',
      },
    });

  it('may call when the origin is configured, and send the headers of the contract', async () => {
    const { status, headers } = await preflight('https://console.example');
    expect([status, headers.get('Access-Control-Allow-Origin')]).toEqual([204, 'https://console.example']);
    const allowed = headers.get('Access-Control-Allow-Headers')!.toLowerCase().split(',');
    expect(allowed).toEqual(expect.arrayContaining(['authorization', 'content-type', 'x-tenant-id', 'if-match']));
    expect(headers.get('Access-Control-Allow-Methods')!.split(',')).toEqual(
      expect.arrayContaining(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']),
    );
  });

  it.each(['https://evil.example', 'https://console.example.evil.example', 'http://console.example', 'null'])(
    'may not from %s',
    async (origin) => {
      const asked = await preflight(origin);
      expect(asked.headers.get('Access-Control-Allow-Origin')).toBeNull();
      const called = await app.call('GET', 'assets/', { headers: { Origin: origin } });
      expect([called.status, called.headers.get('Access-Control-Allow-Origin')]).toEqual([200, null]);
    },
  );

  it('reads a refusal too, with the headers that tell what to do', async () => {
    const headers = { Origin: 'https://console.example' };
    const answer = await app.call('GET', 'assets/', { role: null, headers });
    expect([answer.status, answer.headers.get('Access-Control-Allow-Origin')]).toEqual([401, headers.Origin]);
    expect(answer.headers.get('Access-Control-Expose-Headers')).toMatch(/ETag.*X-Request-ID.*Retry-After/);
    expect(answer.headers.get('Vary')).toMatch(/\bOrigin\b/);
  });
});

describe('a path', () => {
  it('is the same with and without its trailing slash', async () => {
    for (const path of ['assets', `assets/${id}`, `assets/${id}/history`, 'lookups/assets?barcode=A-1', 'tenants']) {
      const [bare, query = ''] = path.split('?');
      const without = await app.call('GET', `${bare}${query && `?${query}`}`);
      const withSlash = await app.call('GET', `${bare}/${query && `?${query}`}`);
      expect([without.status, without.body]).toEqual([200, withSlash.body]);
    }
    const made = await app.call('POST', 'assets', { body: { asset_tag: 'A-2', name: 'Saw' } });
    expect(made.status).toBe(201);
    expect((await app.call('DELETE', `assets/${made.body.id}`)).status).toBe(204);
    for (const path of ['/alive', '/health', '/metrics', '/api/schema', '/api/docs/redoc'])
      for (const slash of ['', '/']) expect([path, (await fetch(app.url + path + slash)).status]).toEqual([path, 200]);
  });

  it('answers HEAD like GET, without a body', async () => {
    for (const path of ['assets/', `assets/${id}/`, 'assets/?format=csv', '/alive/']) {
      const get = await app.call('GET', path);
      const head = await app.call('HEAD', path);
      expect([path, head.status, head.text]).toEqual([path, 200, '']);
      expect(head.headers.get('Content-Type')).toBe(get.headers.get('Content-Type'));
      expect(head.headers.get('ETag')).toBe(get.headers.get('ETag'));
    }
    expect((await app.call('HEAD', 'assets/', { role: null })).status).toBe(401);
    expect((await app.call('HEAD', 'assets/999/')).status).toBe(404);
  });

  it('names the methods that it takes when it refuses one', async () => {
    for (const [method, path, allowed] of [
      ['DELETE', 'assets/', 'GET, HEAD, POST'],
      ['POST', `assets/${id}/`, 'DELETE, GET, HEAD, PATCH, PUT'],
      ['PUT', 'scan-events/1/', 'GET, HEAD'],
      ['GET', 'auth/token/', 'POST'],
      ['POST', '/alive/', 'GET, HEAD'],
    ] as const) {
      const answer = await app.call(method, path);
      expect([path, answer.status, answer.body]).toEqual([path, 405, { detail: `Method "${method}" not allowed.` }]);
      expect(answer.headers.get('Allow')?.split(', ').sort().join(', ')).toBe(allowed);
    }
  });
});
