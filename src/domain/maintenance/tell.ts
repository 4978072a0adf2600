/** Tells once of each record that has become due: an event for whoever waits for it. */
import { inTransaction, type TenantContext, timestamp } from '../../db/context.ts';
import * as changes from '../../queue/changes.ts';
import type { JobKind, Schedule } from '../../queue/kind.ts';
import * as store from '../../resource/store.ts';
import * as accounts from '../accounts/service.ts';
import * as outbox from '../outbox/service.ts';
import { type Kind, kinds } from './kinds.ts';

/** Records told of in one transaction. */
const batch = 200;

export const dueSchedule: Schedule = {
  task: 'maintenance.due',
  cron: '*/5 * * * *',
  timezone: 'UTC',
  job: { kind: 'maintenance.due', queue: 'system', payload: {}, unique: 'maintenance.due' },
};

/** In transactions of its own, as it may be much; each record is told of in the one that marks it. */
export const due: JobKind = {
  kind: 'maintenance.due',
  queue: 'system',
  async perform(ctx) {
    for (const kind of Object.values(kinds)) {
      const sql = `SELECT DISTINCT tenant_id AS id FROM ${kind.resource.table} WHERE ${isDue(kind)}`;
      for (const { id } of await ctx.db.query<{ id: number }>(sql, [timestamp(ctx)])) {
        const inside = { ...ctx, tenant: await accounts.findTenant(ctx, String(id)) };
        while ((await tellSome(inside, kind)) === batch);
      }
    }
  },
  async settle() {
    return undefined;
  },
};

const isDue = ({ done }: Kind): string => `due_from <= ? AND ${done} IS NULL AND told_at IS NULL`;

const tellSome = (ctx: TenantContext, kind: Kind): Promise<number> =>
  inTransaction(ctx, async (tx) => {
    const { table, selection, entity } = kind.resource;
    const now = timestamp(ctx);
    const sql = `SELECT ${selection} FROM ${table} WHERE ${isDue(kind)} AND tenant_id = ? ORDER BY id LIMIT ${batch}`;
    const rows = await tx.db.query(sql + tx.db.forUpdate, [now, ctx.tenant.id]);
    for (const row of rows) {
      const data = store.decode(kind.resource, row);
      await tx.db.execute(`UPDATE ${table} SET told_at = ? WHERE id = ?`, [now, data.id]);
      changes.append(tx, { entity, entity_id: data.id, op: 'update', fields: [] });
      outbox.append(tx, { name: 'maintenance.due', entity, entity_id: data.id, data });
    }
    return rows.length;
  });
