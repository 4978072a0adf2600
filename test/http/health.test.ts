import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Check, health } from '../../src/http/health.ts';
import { type TestApp, testApp } from '../support/app.ts';

let app: TestApp;
beforeAll(async () => {
  app = await testApp('sqlite');
});
afterAll(() => app.close());
const open = (path: string) => app.call('GET', path, { role: null });

it('alive is a plain yes, without a log-in', async () => {
  expect(await open('/alive/')).toMatchObject({ status: 200, body: { status: 'alive' } });
});

describe('health', () => {
  it('names the database and how many connections it may use', async () => {
    const { status, body } = await open('/health/');
    expect([status, body.status]).toEqual([200, 'healthy']);
    expect(Math.abs(Date.now() - Date.parse(body.timestamp))).toBeLessThan(60_000);
    expect(body.checks.database).toMatchObject({
      status: 'healthy',
      component: 'database',
      pool_size: expect.any(Number),
    });
    expect(body.checks.database.pool_size).toBeGreaterThan(0);
  });

  it('is the worst of its parts', async () => {
    const part = (status: Check['status']) => () => ({ status, component: 'part' });
    const of = async (...parts: Check['status'][]) =>
      (await health(Object.fromEntries(parts.map((status, index) => [`part${index}`, part(status)])))).status;
    expect(await of('healthy', 'healthy')).toBe('healthy');
    expect(await of('healthy', 'degraded')).toBe('degraded');
    expect(await of('degraded', 'unhealthy', 'healthy')).toBe('unhealthy');
  });

  it('says which part failed and why, and does not wait for one that hangs', async () => {
    const answer = await health({
      queue: () => Promise.reject(new Error('The queue is away.')),
      printer: () => new Promise(() => {}),
      cache: () => ({ status: 'healthy', component: 'cache' }),
    });
    expect(answer).toMatchObject({
      status: 'unhealthy',
      checks: {
        queue: { status: 'unhealthy', component: 'queue', error: 'The queue is away.' },
        printer: { status: 'unhealthy', component: 'printer', error: expect.stringContaining('3 seconds') },
        cache: { status: 'healthy' },
      },
    });
  });
});

describe('metrics', () => {
  const counted = async (labels: string) => {
    const { text } = await open('/metrics/');
    const line = text.split('\n').find((line) => line.startsWith(`assetra_api_requests_total{${labels}}`));
    return Number(line?.split(' ').at(-1) ?? 0);
  };

  it('have the names that dashboards read', async () => {
    await app.call('POST', 'scan-events/', { body: { raw_value: 'A-1' } });
    const { headers, text } = await open('/metrics/');
    expect(headers.get('Content-Type')).toMatch(/^text\/plain; version=0\.0\.4/);
    const types = Object.fromEntries(
      [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [name, type]),
    );
    expect(types).toMatchObject({
      assetra_api_requests_total: 'counter',
      assetra_api_request_duration_seconds: 'histogram',
      assetra_db_connections_active: 'gauge',
      assetra_db_query_duration_seconds: 'histogram',
      assetra_scans_total: 'counter',
      assetra_labels_rendered_total: 'counter',
    });
    expect(text).toMatch(
      /^assetra_api_request_duration_seconds_count\{method="POST",endpoint="\/api\/v1\/scan-events\/"\} 1$/m,
    );
  });

  it('count by route pattern, so that ids make no new series', async () => {
    const labels = 'method="GET",endpoint="/api/v1/assets/:id/",status_code="404"';
    const before = await counted(labels);
    for (const id of [901, 902, 903]) await app.call('GET', `assets/${id}/`);
    await app.call('GET', 'assets/904');
    expect((await counted(labels)) - before).toBe(4);
    for (const path of ['nowhere/', '/wp-login.php']) await app.call('GET', path);
    await app.call('DELETE', 'assets/');
    const { text } = await open('/metrics/');
    // Values of other series are any digits, so only what stands as an endpoint is looked at.
    const endpoints = [...text.matchAll(/endpoint="([^"]*)"/g)].map(([, endpoint]) => endpoint);
    expect(endpoints.filter((endpoint) => /90[1-4]|nowhere|wp-login/.test(endpoint!))).toEqual([]);
    expect(endpoints).toContain('unrouted');
  });

  it('count what was refused at the door', async () => {
    const labels = 'method="GET",endpoint="/api/v1/assets/",status_code="401"';
    const before = await counted(labels);
    await app.call('GET', 'assets/', { role: null });
    expect((await counted(labels)) - before).toBe(1);
  });
});
