/** The earlier service's clients, as they walk: mobile app, web console, Postman flow. Nothing of theirs may change. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runSteps } from '../../src/cli/smoke/flow.ts';
import { steps } from '../../src/cli/smoke/steps.ts';
import * as accounts from '../../src/domain/accounts/service.ts';
import { type TestApp, testApp } from '../support/app.ts';
import { onEveryDatabase } from '../support/databases.ts';
import { unique } from '../support/samples.ts';

const password = 'a good long pass phrase';

onEveryDatabase('clients of the earlier service', (dialect) => {
  let app: TestApp;
  let token: string;
  beforeAll(async () => {
    app = await testApp(dialect);
    const shell = { kind: 'system', id: null, label: 'cli', role: 'admin', superuser: true } as const;
    const ctx = { ...app.as('admin'), actor: shell };
    await accounts.addUser(ctx, { username: 'alice', password, role: 'admin', superuser: false });
    token = (await send('POST', 'auth/token/', { username: 'alice', password })).body.access;
  });
  afterAll(() => app.close());

  /** As their HTTP libraries do: JSON, a token, the tenant's id as text. */
  async function send(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
    const answer = await fetch(`${app.url}/api/v1/${path}`, {
      method,
      headers: {
        'Content-Type': 'application/json',
        'X-Tenant-ID': String(app.plant.id),
        ...(token && { Authorization: `Bearer ${token}` }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    return { status: answer.status, headers: answer.headers, body: text === '' ? undefined : JSON.parse(text) };
  }

  it('the Postman flow passes, step by step', async () => {
    const variables = {
      baseUrl: app.url,
      username: 'alice',
      password,
      tenantId: String(app.plant.id),
      barcodeValue: unique('FLOW'),
    };
    const outcomes = await runSteps(steps, variables);
    expect(outcomes.filter(({ fault }) => fault !== null)).toEqual([]);
    expect(outcomes).toHaveLength(8);
  });

  describe('the web console', () => {
    it('knows who it is and what it may by auth/context/', async () => {
      expect((await send('GET', 'auth/context/')).body).toEqual({
        username: 'alice',
        tenant_id: String(app.plant.id),
        role: 'admin',
        can_write: true,
      });
    });

    it('reads lists by their results, and sends rows back whole', async () => {
      const made = await send('POST', 'assets/', { asset_tag: unique('ROW'), name: 'Drill' });
      expect(made.status).toBe(201);
      const list = await send('GET', 'assets/?ordering=-created_at');
      expect(list.body.results.map(({ id }: { id: number }) => id)).toContain(made.body.id);
      const row = list.body.results.find(({ id }: { id: number }) => id === made.body.id);
      const saved = await send('PUT', `assets/${row.id}/`, { ...row, name: 'Saw', synced: true });
      expect([saved.status, saved.body.name, saved.body.tenant]).toEqual([200, 'Saw', app.plant.id]);
    });

    it('may ask from its own origin with X-Tenant-ID', async () => {
      const preflight = await fetch(`${app.url}/api/v1/assets/`, {
        method: 'OPTIONS',
        headers: {
          Origin: 'https://console.example',
          'Access-Control-Request-Method': 'GET',
          'Access-Control-Request-Headers': 'authorization,x-tenant-id',
        },
      });
      expect([preflight.status, preflight.headers.get('Access-Control-Allow-Origin')]).toEqual([
        204,
        'https://console.example',
      ]);
      expect(preflight.headers.get('Access-Control-Allow-Headers')?.toLowerCase()).toContain('x-tenant-id');
    });

    it('shows the texts that it knows', async () => {
      const anonymous = await fetch(`${app.url}/api/v1/assets/`, { headers: { 'X-Tenant-ID': String(app.plant.id) } });
      expect([anonymous.status, await anonymous.json()]).toEqual([
        401,
        { detail: 'Authentication credentials were not provided.' },
      ]);
      const wrong = await send('POST', 'auth/token/', { username: 'alice', password: 'wrong' });
      expect([wrong.status, wrong.body.detail]).toEqual([401, 'No active account found with the given credentials']);
      const elsewhere = await send('GET', 'assets/', undefined, { 'X-Tenant-ID': String(app.other.id) });
      expect([elsewhere.status, elsewhere.body.detail]).toEqual([
        403,
        'You do not have permission to perform this action.',
      ]);
      const nothing = await send('GET', 'lookups/assets/');
      expect([nothing.status, nothing.body]).toEqual([400, { detail: 'barcode query param is required' }]);
    });
  });

  describe('the mobile app', () => {
    const scan = (more: object = {}) => ({
      client_event_id: randomUUID(),
      symbology: 'qr',
      raw_value: unique('APP'),
      source_type: 'camera',
      offline_captured_at: new Date().toISOString(),
      synced: false,
      ...more,
    });

    it('sends what it captured, reads integers back in the order sent, and may send it all again', async () => {
      const scan_events = [scan(), scan(), scan()];
      const body = { last_sync_at: null, scan_events, asset_changes: [], conflict_acknowledgements: [] };
      const first = await send('POST', 'sync/', body);
      expect(first.status).toBe(200);
      const ids = first.body.accepted_scan_event_ids;
      expect(ids.every((id: unknown) => Number.isInteger(id))).toBe(true);
      const stored = await Promise.all(ids.map((id: number) => send('GET', `scan-events/${id}/`)));
      expect(stored.map((one) => one.body.client_event_id)).toEqual(scan_events.map((one) => one.client_event_id));
      const again = await send('POST', 'sync/', body);
      expect(again.body.accepted_scan_event_ids).toEqual(ids);
      expect(first.body).toMatchObject({ conflicts: [], rejected_scan_events: [], acknowledged_conflicts: [] });
    });

    it('keeps server_time for last_sync_at, and misses no asset by it', async () => {
      const { body: before } = await send('POST', 'sync/', {});
      const made = await send('POST', 'assets/', { asset_tag: unique('SYNC'), name: 'Drill' });
      const { body: after } = await send('POST', 'sync/', { last_sync_at: before.server_time });
      const row = after.asset_changes.find(({ id }: { id: number }) => id === made.body.id);
      expect(row).toMatchObject({ asset_tag: made.body.asset_tag, name: 'Drill', status: 'active' });
    });

    it('learns of a value that lost, as text, and settles it', async () => {
      const { body: asset } = await send('POST', 'assets/', { asset_tag: unique('CLASH'), name: 'Drill' });
      const earlier = new Date(Date.parse(asset.updated_at) - 1_000).toISOString();
      await send('PATCH', `assets/${asset.id}/`, { name: 'Renamed at the desk' });
      const edit = {
        id: asset.id,
        base_updated_at: asset.updated_at,
        captured_at: earlier,
        fields: { name: 'In the field' },
      };
      const { body } = await send('POST', 'sync/', { asset_changes: [edit] });
      const conflict = body.conflicts.find(({ asset_id }: { asset_id: string }) => asset_id === String(asset.id));
      expect(conflict).toMatchObject({
        field: 'name',
        local_value: 'In the field',
        server_value: 'Renamed at the desk',
      });
      expect(typeof conflict.id).toBe('string');
      const acknowledgement = {
        conflict_id: conflict.id,
        resolution: 'accept_server',
        resolved_at: new Date().toISOString(),
      };
      const settled = await send('POST', 'sync/', { conflict_acknowledgements: [acknowledgement] });
      expect(settled.body.acknowledged_conflicts.map(String)).toContain(conflict.id);
    });
  });
});
