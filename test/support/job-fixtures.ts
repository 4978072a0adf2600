/** For each kind of job, one that waits to be done, and how to see what it did: for the conformance test of crashed runners. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { inTransaction } from '../../src/db/context.ts';
import type { Row } from '../../src/db/database.ts';
import * as assets from '../../src/domain/assets/service.ts';
import * as batches from '../../src/domain/batches/service.ts';
import * as maintenance from '../../src/domain/maintenance/service.ts';
import * as printers from '../../src/domain/printers/service.ts';
import { operations } from '../../src/domain/resources.ts';
import { receive } from '../../src/domain/webhooks/inbound.ts';
import { redriveJob } from '../../src/domain/webhooks/redrive.ts';
import { replayMany } from '../../src/domain/webhooks/replay.ts';
import * as webhooks from '../../src/domain/webhooks/service.ts';
import * as workflows from '../../src/domain/workflows/service.ts';
import { cleaning } from '../../src/jobs/clean.ts';
import * as jobs from '../../src/queue/jobs.ts';
import { codesOn, type PrintShop } from './printing.ts';
import { unique } from './samples.ts';
import type { Plant } from './webhooks.ts';

export interface Fixture {
  /** What the job has done, as the database has it; with an effect outside, as that was seen too where it must be once. */
  effect(): Promise<unknown>;
  once: unknown;
  /** What came outside, where it may come more than once. */
  outside?(): { id: string; content: string }[];
}

interface Where {
  plant: Plant;
  shop: PrintShop;
}

/** Leaves one job of its kind that is due, and no other. */
type Prepare = (where: Where) => Promise<Fixture>;

const numbers = async ({ site }: Plant, sql: string, params: (string | number)[] = []): Promise<number[]> => {
  const [row] = await site.database.query<Row>(sql, params);
  return Object.values(row!).map(Number);
};
const start = ({ ctx }: Plant, job: jobs.NewJob) => inTransaction(ctx, (tx) => jobs.start(tx, job));
const messages = ({ received }: { received: { id: string; body: string }[] }) =>
  received.map(({ id, body }) => ({ id, content: body }));

/** A workflow that counts in its output, on an asset of its own. */
async function workflow({ ctx, site }: Plant, more: object) {
  const asset = await assets.served.create(ctx, { asset_tag: unique('J'), name: 'Pump' });
  const steps = [{ action: 'update_asset_custom_fields', fields: { seen: true } }];
  const { id } = await workflows.served.create(ctx, { name: unique('Flow'), steps, ...more });
  const ran = async () => {
    const runs = "SELECT status FROM workflow_runs WHERE workflow_id = ? AND status = 'success'";
    const records = 'SELECT id FROM asset_state_history WHERE asset_id = ? AND actor_label LIKE ?';
    return {
      runs: (await site.database.query<Row>(runs, [id])).length,
      records: (await site.database.query<Row>(records, [asset.id, 'workflow:%'])).length,
    };
  };
  return { id, asset, fixture: { effect: ran, once: { runs: 1, records: 1 } } };
}

/** Events that waited for an endpoint while it was disabled. */
async function deadLetters(plant: Plant, count: number) {
  const { sink, endpoint } = await plant.target('ok', { is_active: false });
  await plant.raise(Array.from({ length: count }, (_, index) => index + 1));
  await webhooks.servedEndpoints.change(plant.ctx, endpoint.id, { is_active: true });
  const effect = async () =>
    (await plant.deliveries(endpoint.id)).map(({ status, round, attempt_count }) => ({ status, round, attempt_count }));
  const once = Array.from({ length: count }, () => ({ status: 'success', round: 1, attempt_count: 1 }));
  return { endpoint, fixture: { effect, once, outside: () => messages(sink) } };
}

export const fixtures: Record<string, Prepare> = {
  async 'site.clean'({ plant }) {
    const { database } = plant.site;
    const long = new Date(Date.now() - 40 * 86_400_000).toISOString();
    for (const finished_at of [long, new Date().toISOString()]) {
      const { id } = await start(plant, { kind: 'test', queue: 'system', payload: {}, keep: true });
      await database.execute("UPDATE jobs SET state = 'done', finished_at = ? WHERE id = ?", [finished_at, id]);
    }
    await start(plant, cleaning.job);
    return { effect: () => numbers(plant, "SELECT COUNT(*) AS left_over FROM jobs WHERE state = 'done'"), once: [1] };
  },

  async 'batch.generate'({ plant }) {
    await plant.target('ok', { events: ['batch.generated'] });
    const prefix = `${unique('B')}-`;
    const batch = await batches.served.create(plant.ctx, { prefix, start_sequence: 1, end_sequence: 10_001 });
    // As many as make two parts.
    await plant.site.database.execute('UPDATE barcode_batches SET end_sequence = 2300 WHERE id = ?', [batch.id]);
    const effect = async () => ({
      labels: await numbers(
        plant,
        'SELECT COUNT(*) AS labels, COUNT(DISTINCT code_value) AS codes, MAX(sequence) AS last FROM barcode_labels WHERE batch_id = ?',
        [batch.id],
      ),
      told: await numbers(
        plant,
        "SELECT COUNT(*) AS told FROM outbox_events WHERE name = 'batch.generated' AND entity_id = ?",
        [batch.id],
      ),
      status: (await batches.served.get(plant.ctx, batch.id)).status,
    });
    return { effect, once: { labels: [2_300, 2_300, 2_300], told: [1], status: 'ready' } };
  },

  async 'maintenance.due'({ plant }) {
    await plant.target('ok', { events: ['maintenance.due'] });
    const { id: asset } = await assets.served.create(plant.ctx, { asset_tag: unique('D'), name: 'Pump' });
    const scheduled_at = new Date(Date.now() - 86_400_000).toISOString();
    const record = await maintenance.servedMaintenance.create(plant.ctx, { asset, scheduled_at });
    await start(plant, maintenance.dueSchedule.job);
    const told = "SELECT COUNT(*) AS told FROM outbox_events WHERE name = 'maintenance.due' AND entity_id = ?";
    return { effect: () => numbers(plant, told, [record.id]), once: [1] };
  },

  async 'export.write'({ plant }) {
    const { ctx, site } = plant;
    const name = unique('Exported');
    for (let n = 0; n < 3; n += 1) await assets.served.create(ctx, { asset_tag: unique('E'), name });
    const create = operations.find(({ id }) => id === 'exports.create')!;
    const body = { resource: 'assets', format: 'csv', filters: { search: name } };
    const { id } = (await create.run(ctx, { params: {}, query: {}, body })) as { id: number };
    const effect = async () => {
      const [row] = await site.database.query<Row>('SELECT status, rows_ FROM exports WHERE id = ?', [id]);
      const files = readdirSync(join(ctx.folder!, 'files', 'exports')).filter((name) => name.startsWith(`${id}-`));
      return { ...row, files: files.length, whole: files.every((name) => name.endsWith('.csv')) };
    };
    return { effect, once: { status: 'done', rows_: 3, files: 1, whole: true } };
  },

  async 'labels.print'({ shop }) {
    const simulator = await shop.simulator();
    const printer = await shop.printerAt(simulator);
    const batch = await shop.batch(30);
    const job = await printers.print(shop.ctx, printer.name, { source: { batch: batch.id } });
    const effect = async () => ({
      labels: await shop.states(job),
      state: (await shop.job(job)).state,
      // Of one that was printed in doubt there would be a second.
      printed: codesOn(simulator),
    });
    const printed = Array.from({ length: 30 }, (_, index) => `${batch.prefix}${index + 1}`);
    return { effect, once: { labels: { confirmed: 30 }, state: 'done', printed } };
  },

  async 'webhook.deliver'({ plant }) {
    const { sink, endpoint } = await plant.target();
    await plant.raise([1]);
    const effect = async () => {
      const [delivery] = await plant.deliveries(endpoint.id);
      const { status, attempt_count } = delivery!;
      return { status, attempt_count, attempts: (await plant.attempts(delivery!.id)).length };
    };
    return { effect, once: { status: 'success', attempt_count: 1, attempts: 1 }, outside: () => messages(sink) };
  },

  async 'webhook.redrive'({ plant }) {
    const { endpoint, fixture } = await deadLetters(plant, 3);
    const sql = "UPDATE webhook_deliveries SET reason = 'http_5xx' WHERE endpoint_id = ?";
    await plant.site.database.execute(sql, [endpoint.id]);
    await start(plant, redriveJob({ endpoint_id: endpoint.id, tenant_id: plant.ctx.tenant.id }));
    return fixture;
  },

  async 'webhook.replay'({ plant }) {
    const { endpoint, fixture } = await deadLetters(plant, 3);
    await replayMany(plant.ctx, { endpoint: endpoint.id });
    return fixture;
  },

  async 'workflow.trigger'({ plant }) {
    const { asset, fixture } = await workflow(plant, { trigger_type: 'on_status_change' });
    await assets.served.change(plant.ctx, asset.id, { status: 'in_maintenance' });
    return fixture;
  },

  async 'workflow.message'({ plant }) {
    const entry_conditions = [{ field: 'context.event_name', operator: 'equals', value: 'ping' }];
    const { asset, fixture } = await workflow(plant, { trigger_type: 'manual', entry_conditions });
    const { id: endpoint_id } = await plant.endpoint('', { direction: 'inbound', events: [] });
    await receive(plant.ctx, { endpoint_id, event_name: 'ping', payload: { asset_id: asset.id } });
    return fixture;
  },

  async 'workflow.on_time'({ plant }) {
    const tag = unique('T');
    const entry_conditions = [
      { field: 'cron', operator: 'equals', value: '0 6 * * *' },
      { field: 'asset.name', operator: 'equals', value: tag },
    ];
    const { id, asset, fixture } = await workflow(plant, { trigger_type: 'on_time', entry_conditions });
    await assets.served.change(plant.ctx, asset.id, { name: tag });
    const schedule = (await workflows.schedules(plant.ctx)).find(({ task }) => task === `workflow:${id}`)!;
    await start(plant, schedule.job);
    return fixture;
  },
};
