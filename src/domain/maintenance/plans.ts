/** Plans and their next time. An active plan has one open record, at its next time: whatever moves one moves the other. */
import { Invalid } from '../../base/errors.ts';
import { type TenantContext, timestamp } from '../../db/context.ts';
import type { Fields } from '../../resource/define.ts';
import { serve } from '../../resource/serve.ts';
import * as store from '../../resource/store.ts';
import { daysAfter } from './due.ts';
import { type Kind, kinds, type RecordRow } from './kinds.ts';
import { maintenancePlans, type PlanRow } from './resource.ts';

export const served = serve(maintenancePlans, { create, update, remove });

async function create(ctx: TenantContext, values: Fields<typeof maintenancePlans>): Promise<PlanRow> {
  const next_due_at = values.next_due_at ?? daysAfter(timestamp(ctx), values.every_days);
  const plan = await store.insert(ctx, maintenancePlans, { ...values, next_due_at, last_performed_at: null });
  await schedule(ctx, plan);
  return plan;
}

async function update(
  ctx: TenantContext,
  row: PlanRow,
  changes: Partial<Fields<typeof maintenancePlans>>,
): Promise<PlanRow> {
  if (changes.asset !== undefined && changes.asset !== row.asset)
    throw new Invalid({ asset: ['A plan stays with its asset. Make another plan.'] });
  if (changes.kind !== undefined && changes.kind !== row.kind)
    throw new Invalid({ kind: [`This plan is for ${row.kind}. Make another plan.`] });
  const { every_days = row.every_days, next_due_at } = changes;
  const recounted = every_days !== row.every_days && next_due_at === undefined && row.last_performed_at !== null;
  const next = recounted ? { next_due_at: daysAfter(row.last_performed_at!, every_days) } : {};
  const plan = await store.update(ctx, maintenancePlans, row, { ...changes, ...next });
  await schedule(ctx, plan);
  return plan;
}

/** Its open record goes with it; what was performed stays. */
async function remove(ctx: TenantContext, row: PlanRow): Promise<void> {
  await schedule(ctx, { ...row, is_active: false });
  const { resource, done } = kinds[row.kind];
  for (const record of await recordsOf(ctx, row, `${done} IS NOT NULL`))
    await store.update(ctx, resource, record as never, { plan: null });
  await store.remove(ctx, maintenancePlans, row.id);
}

/** The plan of a record, locked; Invalid when it is another asset's or for another kind. */
export async function planOf(
  ctx: TenantContext,
  kind: Kind,
  { plan, asset }: Pick<RecordRow, 'plan' | 'asset'>,
): Promise<PlanRow | null> {
  if (plan === null) return null;
  const row = await store.get(ctx, maintenancePlans, plan, true);
  if (row.asset !== asset) throw new Invalid({ plan: ['This plan is of another asset.'] });
  if (row.kind !== kind.name) throw new Invalid({ plan: [`This plan is for ${row.kind}, and not for ${kind.name}.`] });
  return row;
}

/** When a record at that time begins to be due. */
export const dueFrom = (plan: PlanRow | null, at: string | null): string | null =>
  plan === null || at === null ? at : daysAfter(at, -plan.lead_days);

/** The open record was moved: so is the plan. */
export async function moveTo(ctx: TenantContext, plan: PlanRow, next_due_at: string): Promise<void> {
  if (plan.next_due_at !== next_due_at) await store.update(ctx, maintenancePlans, plan, { next_due_at });
}

/**
 * After a change to its records: the next time counts from when the work was last done, and there is a record for it.
 * An older one, told late, moves nothing.
 */
export async function recount(ctx: TenantContext, id: number): Promise<void> {
  const plan = await store.get(ctx, maintenancePlans, id, true);
  const { resource, done } = kinds[plan.kind];
  const sql = `SELECT MAX(${done}) AS last FROM ${resource.table} WHERE tenant_id = ? AND plan_id = ?`;
  const [found] = await ctx.db.query<{ last: string | null }>(sql, [ctx.tenant.id, id]);
  const last_performed_at = found!.last;
  if (last_performed_at === plan.last_performed_at) return schedule(ctx, plan);
  const next_due_at = last_performed_at === null ? plan.next_due_at : daysAfter(last_performed_at, plan.every_days);
  await schedule(ctx, await store.update(ctx, maintenancePlans, plan, { last_performed_at, next_due_at }));
}

/** An active plan has one open record, at its next time; another has none. */
async function schedule(ctx: TenantContext, plan: PlanRow): Promise<void> {
  const { resource, done, blank } = kinds[plan.kind];
  const [open] = await recordsOf(ctx, plan, `${done} IS NULL`);
  const times = { scheduled_at: plan.next_due_at!, due_from: dueFrom(plan, plan.next_due_at!) };
  if (!plan.is_active) {
    if (open) await store.remove(ctx, resource, open.id);
  } else if (!open) {
    await store.insert(ctx, resource, { asset: plan.asset, plan: plan.id, [done]: null, ...blank, ...times } as never);
  } else if (open.scheduled_at !== times.scheduled_at || open.due_from !== times.due_from)
    await store.update(ctx, resource, open as never, times);
}

async function recordsOf(ctx: TenantContext, plan: PlanRow, which: string): Promise<RecordRow[]> {
  const { resource } = kinds[plan.kind];
  const sql =
    `SELECT ${resource.selection} FROM ${resource.table} ` +
    `WHERE tenant_id = ? AND plan_id = ? AND ${which} ORDER BY id${ctx.db.forUpdate}`;
  const rows = await ctx.db.query(sql, [ctx.tenant.id, plan.id]);
  return rows.map((row) => store.decode(resource, row) as unknown as RecordRow);
}
