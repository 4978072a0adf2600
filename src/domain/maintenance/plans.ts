/** Plans and their next time. Whatever moves a plan moves its open record with it. */
import { Invalid } from '../../base/errors.ts';
import { type TenantContext, timestamp } from '../../db/context.ts';
import type { Fields } from '../../resource/define.ts';
import { serve } from '../../resource/serve.ts';
import * as store from '../../resource/store.ts';
import { daysAfter } from './due.ts';
import { type MaintenanceRow, maintenancePlans, maintenanceRecords, type PlanRow } from './resource.ts';

export const served = serve(maintenancePlans, { create, update, remove });

async function create(ctx: TenantContext, values: Fields<typeof maintenancePlans>): Promise<PlanRow> {
  const next_due_at = values.next_due_at ?? daysAfter(timestamp(ctx), values.every_days);
  const plan = await store.insert(ctx, maintenancePlans, { ...values, next_due_at, last_performed_at: null });
  await reschedule(ctx, plan);
  return plan;
}

async function update(
  ctx: TenantContext,
  row: PlanRow,
  changes: Partial<Fields<typeof maintenancePlans>>,
): Promise<PlanRow> {
  if (changes.asset !== undefined && changes.asset !== row.asset)
    throw new Invalid({ asset: ['A plan stays with its asset. Make another plan.'] });
  const plan = await store.update(ctx, maintenancePlans, row, changes);
  await reschedule(ctx, plan);
  return plan;
}

/** Its open record goes with it; what was performed stays. */
async function remove(ctx: TenantContext, row: PlanRow): Promise<void> {
  await reschedule(ctx, { ...row, is_active: false });
  const performed = await recordsOf(ctx, row.id, 'IS NOT NULL');
  for (const record of performed) await store.update(ctx, maintenanceRecords, record, { plan: null });
  await store.remove(ctx, maintenancePlans, row.id);
}

/** Work of the plan was done: the next time counts from then. An older date, told late, moves nothing. */
export async function performed(ctx: TenantContext, planId: number, at: string): Promise<void> {
  const plan = await store.get(ctx, maintenancePlans, planId, true);
  if (plan.last_performed_at !== null && plan.last_performed_at > at) return;
  const next_due_at = daysAfter(at, plan.every_days);
  await reschedule(ctx, await store.update(ctx, maintenancePlans, plan, { last_performed_at: at, next_due_at }));
}

/** An active plan has one open record, at its next time; another has none. */
async function reschedule(ctx: TenantContext, plan: PlanRow): Promise<void> {
  const [open, ...more] = await recordsOf(ctx, plan.id, 'IS NULL');
  for (const { id } of more) await store.remove(ctx, maintenanceRecords, id);
  const times = { scheduled_at: plan.next_due_at!, due_from: daysAfter(plan.next_due_at!, -plan.lead_days) };
  if (!plan.is_active) {
    if (open) await store.remove(ctx, maintenanceRecords, open.id);
  } else if (!open) {
    const record = { asset: plan.asset, plan: plan.id, performed_at: null, notes: '', result_data: {}, ...times };
    await store.insert(ctx, maintenanceRecords, record);
  } else if (open.scheduled_at !== times.scheduled_at || open.due_from !== times.due_from)
    await store.update(ctx, maintenanceRecords, open, times);
}

async function recordsOf(ctx: TenantContext, plan: number, performed: 'IS NULL' | 'IS NOT NULL') {
  const sql =
    `SELECT ${maintenanceRecords.selection} FROM maintenance_records ` +
    `WHERE tenant_id = ? AND plan_id = ? AND performed_at ${performed} ORDER BY id${ctx.db.forUpdate}`;
  const rows = await ctx.db.query(sql, [ctx.tenant.id, plan]);
  return rows.map((row): MaintenanceRow => store.decode(maintenanceRecords, row));
}
