import { afterAll, beforeAll, expect, it } from 'vitest';
import { inTransaction } from '../../../src/db/context.ts';
import { generating } from '../../../src/domain/batches/service.ts';
import * as jobs from '../../../src/queue/jobs.ts';
import { type TestApp, testApp } from '../../support/app.ts';
import { onEveryDatabase } from '../../support/databases.ts';
import { workOff } from '../../support/work.ts';

onEveryDatabase('a large batch', (dialect) => {
  let app: TestApp;
  beforeAll(async () => {
    app = await testApp(dialect);
  });
  afterAll(() => app.close());

  const create = (prefix: string, end_sequence: number, more = {}) =>
    app.call('POST', 'barcode-batches/', { body: { prefix, start_sequence: 1, end_sequence, ...more } });
  const batch = async (id: number) => (await app.call('GET', `barcode-batches/${id}/`)).body;
  const labels = async (id: number) => (await app.call('GET', `barcode-batches/${id}/labels/?page_size=1`)).body.count;

  it('is made by a job, and printed once it is ready', async () => {
    const { status, body } = await create('JOB-', 10_001);
    expect([status, body.status, body.progress, body.generated_at]).toEqual([201, 'pending', 0, null]);
    const early = await app.call('GET', `barcode-batches/${body.id}/zpl/`);
    expect([early.status, early.body.detail]).toEqual([409, expect.stringContaining('are being made (0 %)')]);
    await workOff(app, [generating]);
    expect(await batch(body.id)).toMatchObject({ status: 'ready', progress: 100, error: '' });
    expect(await labels(body.id)).toBe(10_001);
    const found = await app.call('GET', 'asset-codes/?code=JOB-10001');
    expect(found.body.results).toMatchObject([{ status: 'unclaimed' }]);
    const zpl = await app.call('GET', `barcode-batches/${body.id}/zpl/?from=10001`);
    expect([zpl.status, zpl.text.match(/\^XA/g)?.length]).toEqual([200, 1]);
  });

  it('goes on where the runner before left off', async () => {
    const { body } = await create('HALF-', 10_500);
    let parts = 0;
    const ctx = { ...app.as('admin'), now: () => new Date() };
    const dying = new AbortController();
    const [row] = await app.database.query<{ id: number }>('SELECT MAX(id) AS id FROM jobs');
    const stopping = {
      ...ctx,
      now: () => {
        parts += 1;
        if (parts > 4) dying.abort();
        return new Date();
      },
    };
    const job = { id: row!.id, payload: { batch: body.id } } as never;
    await expect(generating.perform!(stopping, job, dying.signal)).rejects.toThrow('aborted');
    const written = await labels(body.id);
    expect([written > 0, written < 10_500, (await batch(body.id)).status]).toEqual([true, true, 'generating']);
    await workOff(app, [generating]);
    expect([await labels(body.id), (await batch(body.id)).status]).toEqual([10_500, 'ready']);
  });

  it('that meets a taken code leaves nothing behind and says why', async () => {
    expect((await app.call('POST', 'asset-codes/', { body: { code: 'MIX-9000' } })).status).toBe(201);
    const [taken] = (await app.call('GET', 'asset-codes/?code=MIX-9000')).body.results;
    await app.call('PATCH', `asset-codes/${taken.id}/`, { body: { status: 'revoked' } });
    const { body } = await create('MIX-', 10_001);
    await workOff(app, [generating]);
    const { status, error } = await batch(body.id);
    expect([status, error]).toEqual(['failed', expect.stringContaining('MIX-9000 was revoked')]);
    expect(await labels(body.id)).toBe(0);
    expect((await app.call('GET', 'asset-codes/?search=MIX-1')).body.count).toBe(0);
    const print = await app.call('GET', `barcode-batches/${body.id}/pdf/`);
    expect([print.status, print.body.detail]).toEqual([409, expect.stringContaining('MIX-9000 was revoked')]);
  });

  it('that no label of its template can carry is refused at once, and so is one of a million and one', async () => {
    const small = { name: 'Small', symbology: 'code128', width_mm: 20, height_mm: 20 };
    const template = (await app.call('POST', 'barcode-templates/', { body: small })).body.id;
    const wide = await create('MUCH-TOO-LONG-FOR-THIS-LABEL-', 20_000, { template });
    expect([wide.status, Object.keys(wide.body)]).toEqual([400, ['template']]);
    expect((await create('N-', 1_000_001)).status).toBe(400);
  });

  it('that was deleted meanwhile is no fault', async () => {
    const { body } = await create('DEL-', 10_001);
    expect((await app.call('DELETE', `barcode-batches/${body.id}/`)).status).toBe(204);
    await workOff(app, [generating]);
    const left = await inTransaction(app.as('admin'), (tx) => jobs.clockOf(tx.db));
    expect(left).toBeGreaterThan(0);
    expect(await app.database.query("SELECT id FROM jobs WHERE state <> 'done'")).toEqual([]);
  });
});
