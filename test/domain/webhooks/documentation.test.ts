/** What docs/WEBHOOKS.md says is what is sent, and a receiver written from it takes it. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import Ajv from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { packageRoot } from '../../../src/base/paths.ts';
import { eventNames } from '../../../src/domain/outbox/service.ts';
import { openApiDocument } from '../../../src/http/openapi/document.ts';
import type { TestApp } from '../../support/app.ts';
import { onEveryDatabase } from '../../support/databases.ts';
import { until } from '../../support/pty.ts';
import { type Plant, plantWithApi, secret } from '../../support/webhooks.ts';

type Json = Record<string, unknown>;
const text = readFileSync(join(packageRoot, 'docs/WEBHOOKS.md'), 'utf8');
const examples = new Map(
  [...text.matchAll(/^### `([\w.]+)`\n[^#]*?```json\n(.*?)\n```/gms)].map(([, name, json]) => [
    name!,
    JSON.parse(json!) as Json,
  ]),
);

/** Events that nothing raises here yet; held against the document alone. */
const elsewhere = ['workflow.succeeded', 'workflow.failed', 'batch.printed', 'maintenance.due', 'printer.attention'];

/** Keys and kinds of values; what is null may be anything, and what a site names itself is not looked into. */
function shapeOf(value: unknown, key = ''): unknown {
  if (['custom_fields', 'metadata', 'changes', 'decoded_payload', 'payload_schema'].includes(key)) return key;
  if (Array.isArray(value)) return 'list';
  if (typeof value !== 'object' || value === null) return value === null ? 'any' : typeof value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, shapeOf(inner, name)]));
}

const loosely = (one: unknown, other: unknown): unknown => {
  if (one === 'any' || other === 'any') return 'any';
  if (typeof one !== 'object' || typeof other !== 'object' || !one || !other) return one;
  return Object.fromEntries(Object.entries(one).map(([key, inner]) => [key, loosely(inner, (other as Json)[key])]));
};

it('has an example of every event, as the API document describes it', () => {
  expect([...examples.keys()]).toEqual([...eventNames]);
  const document = openApiDocument('1.0.0') as { webhooks: Record<string, Json>; components: Json };
  const ajv = new Ajv.default({ strict: false, allErrors: true });
  addFormats.default(ajv);
  ajv.addSchema({ $id: 'https://assetra.example/', components: document.components });
  for (const [name, example] of examples) {
    const { post } = document.webhooks[name] as {
      post: { requestBody: { content: Record<string, { schema: Json }> } };
    };
    const printed = JSON.stringify(post.requestBody.content['application/json']!.schema);
    const schema = JSON.parse(printed.replaceAll('"#/components', '"https://assetra.example/#/components'));
    const valid = ajv.validate(schema, example);
    expect([name, valid, valid ? '' : ajv.errorsText()]).toEqual([name, true, '']);
  }
});

onEveryDatabase('docs/WEBHOOKS.md', (dialect) => {
  let app: TestApp;
  let plant: Plant;
  beforeAll(async () => {
    ({ app, plant } = await plantWithApi(dialect));
  });
  afterEach(() => plant.stop());
  afterAll(() => app.close());

  const post = async (path: string, body: object = {}) => (await app.call('POST', path, { body })).body;
  const patch = (path: string, body: object) => app.call('PATCH', path, { body });

  async function everything(): Promise<void> {
    const { id: place } = await post('locations/', { name: 'Ward 3', code: 'WARD-3' });
    const { id } = await post('assets/', { asset_tag: 'A-1', name: 'Infusion pump' });
    await patch(`assets/${id}/`, { status: 'in_maintenance', current_location: place });
    await post(`assets/${id}/check-out/`, { assigned_to: app.userId('operator') });
    await post('scan-events/', { raw_value: 'A-1', source_type: 'external_scanner' });
    await post('scan-events/', { raw_value: '(01)09506000134353', symbology: 'gs1' });
    const session = await post('inventory-sessions/', { name: 'March', location: place });
    await post(`inventory-sessions/${session.id}/count/`, { scans: [{ raw_value: 'A-1' }] });
    await post(`inventory-sessions/${session.id}/close/`);
    await post(`inventory-sessions/${session.id}/reconcile/`);
    await post('barcode-batches/', { prefix: 'B-', start_sequence: 1, end_sequence: 3 });
    const { id: gone } = await post('assets/', { asset_tag: 'A-2', name: 'Old pump' });
    expect((await app.call('DELETE', `assets/${gone}/`)).status).toBe(204);
  }

  it('shows the bodies that are sent', async () => {
    const { sink, endpoint } = await plant.target('ok', { events: [] });
    const { endpoint: dead } = await plant.target('410', { events: ['asset.created'] });
    await plant.work();
    await everything();
    await plant.settled(dead.id);
    await plant.settled(endpoint.id);
    const bodies = new Map(sink.received.map(({ body, event }) => [event, JSON.parse(body) as Json]));
    await until(() => sink.received.some(({ event }) => event === 'webhook.dead_lettered'), 'the last of them');
    for (const { event, body } of sink.received) bodies.set(event, JSON.parse(body));
    expect([...bodies.keys()].sort()).toEqual(eventNames.filter((name) => !elsewhere.includes(name)).toSorted());
    for (const [name, body] of bodies) {
      const [real, shown] = [shapeOf(body), shapeOf(examples.get(name))];
      expect([name, loosely(shown, real)]).toEqual([name, loosely(real, shown)]);
    }
  }, 60_000);

  it.each([
    ['Node', process.execPath, 'receiver.mjs'],
    ['Python', 'python3', 'receiver.py'],
  ])('a receiver in %s, as it is shipped, takes what is genuine and nothing else', async (_, command, file) => {
    const path = join(packageRoot, 'templates/receivers', file);
    const child = spawn(command, [path], { env: { PATH: process.env.PATH, SECRET: secret, PORT: '0' } });
    const lines: string[] = [];
    createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
    try {
      await until(() => lines.length > 0, 'the receiver');
      const url = `http://127.0.0.1:${/\d+/.exec(lines[0]!)![0]}/hook`;
      const endpoint = await plant.endpoint(url);
      await plant.work({ timeoutSeconds: 5 });
      await post('assets/', { asset_tag: `Ü ${file}`, name: 'Größe "M" \u{1f4e6}' });
      expect((await plant.settled(endpoint.id))[0]).toMatchObject({ status: 'success', response_code: 204 });
      await post(`webhooks/${endpoint.id}/rotate/`, { secret: 'the next one' });
      await post('assets/', { asset_tag: `next ${file}`, name: 'Both sign' });
      await post(`webhooks/${endpoint.id}/promote/`);
      await plant.settled(endpoint.id);
      const { body: replayed } = await app.call(
        'POST',
        `webhook-deliveries/${(await plant.deliveries(endpoint.id))[0]!.id}/replay/`,
      );
      await plant.settled(endpoint.id);
      expect((await plant.deliveries(endpoint.id)).map(({ status }) => status)).toEqual(['success', 'success']);
      expect(replayed.status).toBe('pending');
      // The replayed message came a second time and counted once.
      expect(lines.filter((line) => line.startsWith('asset.created'))).toHaveLength(2);
      const now = String(Math.floor(Date.now() / 1000));
      for (const [timestamp, signature] of [
        [now, `sha256=${'0'.repeat(64)}`],
        [now, 'sha256=\u00e9'],
        ['\u00b2', 'sha256='],
      ] as const) {
        const headers = { 'X-Assetra-Timestamp': timestamp, 'X-Assetra-Signature': signature };
        expect((await fetch(url, { method: 'POST', body: '{}', headers })).status).toBe(401);
      }
    } finally {
      child.kill();
    }
  });
});
