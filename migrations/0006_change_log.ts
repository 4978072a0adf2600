import { createHash } from 'node:crypto';
import type { Knex } from 'knex';
import { createTable, instant, json } from './columns.ts';
import { makeInsertOnly } from './insert-only.ts';

/** Records sealed with one statement. */
const batch = 500;

/** What every transaction changed, in one gapless order per tenant, and the chain of seals over the history. */
export async function up(knex: Knex): Promise<void> {
  await createTable(knex, 'change_log', (table) => {
    table.bigIncrements('id');
    table.bigInteger('tenant_id').unsigned().notNullable();
    table.bigInteger('seq');
    table.string('entity', 40).notNullable();
    table.bigInteger('entity_id').notNullable();
    table.string('op', 10).notNullable();
    json(table, 'fields');
    table.bigInteger('actor_id');
    table.string('actor_label', 200).notNullable();
    table.string('device', 200);
    table.bigInteger('history_id');
    table.string('content_hash', 64);
    instant(table, 'created_at').notNullable();
    table.unique(['tenant_id', 'seq'], { indexName: 'change_log_seq_unique' });
  });
  // No foreign key to tenants: a lock on the head must not be one on the tenant, which every insert below it asks for.
  await createTable(knex, 'change_heads', (table) => {
    table.bigInteger('tenant_id').unsigned().primary();
    table.bigInteger('seq').notNullable();
    table.bigInteger('floor').notNullable();
    table.string('epoch', 40).notNullable();
    table.bigInteger('seal_seq').notNullable();
    table.string('seal_hash', 64).notNullable();
  });
  await createTable(knex, 'history_seals', (table) => {
    table.bigIncrements('id');
    table.bigInteger('tenant_id').unsigned().notNullable();
    table.bigInteger('seq').notNullable();
    table.bigInteger('history_id').notNullable().unique();
    table.string('prev_hash', 64).notNullable();
    table.string('hash', 64).notNullable();
    table.unique(['tenant_id', 'seq'], { indexName: 'history_seals_seq_unique' });
  });
  await sealEarlier(knex);
  await makeInsertOnly(knex, 'history_seals');
  await knex.schema.raw(
    'CREATE VIEW sealed_history AS SELECT h.id, h.tenant_id, h.asset_id, h.event_type, h.actor_id, h.actor_label, ' +
      'h.location_id, h.gps_latitude, h.gps_longitude, h.previous_state, h.new_state, h.body, h.checksum, ' +
      'h.created_at, h.updated_at, s.seq AS sequence, s.prev_hash AS previous_seal, s.hash AS seal ' +
      'FROM asset_state_history h LEFT JOIN history_seals s ON s.history_id = h.id',
  );
}

/** Records that are older than the chain are its beginning, in the order they were written. */
async function sealEarlier(knex: Knex): Promise<void> {
  const tenants = await knex('asset_state_history').distinct('tenant_id as id');
  for (const { id } of tenants) {
    let last = 0;
    const head = { seal_seq: 0, seal_hash: '0'.repeat(64) };
    for (;;) {
      const history = knex('asset_state_history').where({ tenant_id: id }).andWhere('id', '>', last);
      const records = await history.orderBy('id').limit(batch).select('id', 'checksum');
      if (records.length === 0) break;
      await knex('history_seals').insert(records.map((record) => seal(id, head, record)));
      last = records.at(-1)!.id;
    }
    const epoch = createHash('sha256').update(`${id}\n${head.seal_hash}`).digest('base64url').slice(0, 12);
    await knex('change_heads').insert({ tenant_id: id, seq: 0, floor: 0, epoch, ...head });
  }
}

/** The same as src/queue/seals.ts; a migration keeps its own, as it was. */
function seal(
  tenant: number,
  head: { seal_seq: number; seal_hash: string },
  { id, checksum }: { id: number; checksum: string },
): Record<string, unknown> {
  const prev_hash = head.seal_hash;
  head.seal_seq += 1;
  head.seal_hash = createHash('sha256').update(`assetra-h1\n${prev_hash}\n${head.seal_seq}\n${checksum}`).digest('hex');
  return { tenant_id: tenant, seq: head.seal_seq, history_id: id, prev_hash, hash: head.seal_hash };
}

export async function down(knex: Knex): Promise<void> {
  await knex.schema.raw('DROP VIEW sealed_history');
  for (const table of ['history_seals', 'change_heads', 'change_log']) await knex.schema.dropTable(table);
  if (knex.client.config.client === 'pg') await knex.raw('DROP FUNCTION history_seals_refuse()');
}
