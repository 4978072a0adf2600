/** Maintenance and inspections, planned and done: each leaves its record in the history of the asset. */
import { Conflict, Invalid } from '../../base/errors.ts';
import { type TenantContext, timestamp } from '../../db/context.ts';
import type { AnyResource } from '../../resource/define.ts';
import { serve, type Writes } from '../../resource/serve.ts';
import * as store from '../../resource/store.ts';
import * as forms from '../forms/service.ts';
import * as history from '../history/service.ts';
import { withDue } from './due.ts';
import { doneAt, type Kind, kinds, type RecordRow } from './kinds.ts';
import * as plans from './plans.ts';
import { inspectionRecords, maintenancePlans, maintenanceRecords, type PlanRow } from './resource.ts';

export const servedMaintenance = serve(maintenanceRecords, writesOf(kinds.maintenance));
export const servedInspections = serve(inspectionRecords, writesOf(kinds.inspection));
export const recordOperations = [
  ...withDue(servedMaintenance, { at: 'scheduled_at', from: 'due_from', open: 'performed_at IS NULL' }),
  ...withDue(servedInspections, { at: 'scheduled_at', from: 'due_from', open: 'inspected_at IS NULL' }),
];

function writesOf<R extends AnyResource>(kind: Kind): Writes<R> {
  return {
    create: (ctx, values) => create(ctx, kind, values as never) as never,
    update: (ctx, row, changes) => update(ctx, kind, row as never, changes as never) as never,
    remove: (ctx, row) => remove(ctx, kind, row as never),
  };
}

async function create(ctx: TenantContext, kind: Kind, values: RecordRow): Promise<RecordRow> {
  const row: RecordRow = { ...values, plan: values.plan ?? null };
  if (kind.madeNow && row.scheduled_at === null && doneAt(kind, row) === null)
    Object.assign(row, { [kind.done]: timestamp(ctx) });
  const done = doneAt(kind, row);
  // What is planned is checked when it is done: nobody can fill in the results before.
  if (done !== null || row.scheduled_at === null || !isEmpty(row[kind.results])) await enforceForms(ctx, kind, row);
  const plan = await plans.planOf(ctx, kind, row);
  if (plan && done === null)
    throw new Invalid({ plan: [`A plan makes its open record itself. Give ${kind.done}, or leave plan out.`] });
  const due_from = plans.dueFrom(plan, row.scheduled_at);
  const record = await insert(ctx, kind, { ...row, due_from });
  history.append(ctx, told(kind, record, {}));
  if (plan) await plans.recount(ctx, plan.id);
  return record;
}

async function update(ctx: TenantContext, kind: Kind, row: RecordRow, changes: Partial<RecordRow>): Promise<RecordRow> {
  if (changes.asset !== undefined && changes.asset !== row.asset)
    throw new Invalid({ asset: ['A record stays with its asset. Make another one.'] });
  const written = { ...row, ...changes } as RecordRow;
  const done = doneAt(kind, written);
  const performs = doneAt(kind, row) === null && done !== null;
  if (changes[kind.results] !== undefined || performs) await enforceForms(ctx, kind, written);
  const plan = await plans.planOf(ctx, kind, written);
  if (plan && done === null) checkOpen(kind, row, written);
  const due_from = plans.dueFrom(plan, written.scheduled_at);
  const moved = due_from === row.due_from ? {} : { due_from };
  const record = (await store.update(ctx, kind.resource, row as never, { ...changes, ...moved })) as never as RecordRow;
  // At its new time it is told of anew.
  if ('due_from' in moved)
    await ctx.db.execute(`UPDATE ${kind.resource.table} SET told_at = NULL WHERE id = ?`, [row.id]);
  // The verdict is what an inspection is for: a later one is told as well.
  const judged = kind.verdict !== null && record[kind.verdict] !== row[kind.verdict];
  if (performs || judged) history.append(ctx, told(kind, record, row));
  await followPlans(ctx, kind, row, record, plan);
  return record;
}

/** What a plan has open stays its next time, until it is done or goes without the plan. */
function checkOpen(kind: Kind, row: RecordRow, written: RecordRow): void {
  if (row.plan !== written.plan)
    throw new Invalid({ plan: [`A plan makes its open record itself. Give ${kind.done} as well.`] });
  if (doneAt(kind, row) !== null)
    throw new Invalid({ [kind.done]: ['The plan counts from this. Set plan to null as well to open it again.'] });
  if (written.scheduled_at === null)
    throw new Invalid({ scheduled_at: ['The next time of a plan has a date. Stop the plan to be rid of it.'] });
}

async function followPlans(
  ctx: TenantContext,
  kind: Kind,
  row: RecordRow,
  record: RecordRow,
  plan: PlanRow | null,
): Promise<void> {
  if (plan && doneAt(kind, record) === null) return plans.moveTo(ctx, plan, record.scheduled_at!);
  const changed = doneAt(kind, row) !== doneAt(kind, record) || row.plan !== record.plan;
  if (!changed) return;
  for (const id of new Set([row.plan, record.plan])) if (id !== null) await plans.recount(ctx, id);
}

async function remove(ctx: TenantContext, kind: Kind, row: RecordRow): Promise<void> {
  if (row.plan !== null && doneAt(kind, row) === null)
    throw new Conflict('This is the next time of a plan. Move it, or stop the plan with is_active: false.');
  await store.remove(ctx, kind.resource, row.id);
  if (row.plan !== null) await plans.recount(ctx, row.plan);
}

const insert = async (ctx: TenantContext, kind: Kind, values: RecordRow): Promise<RecordRow> =>
  (await store.insert(ctx, kind.resource, values as never)) as never as RecordRow;

const isEmpty = (results: unknown): boolean => Object.keys(results as object).length === 0;

const enforceForms = (ctx: TenantContext, kind: Kind, record: RecordRow): Promise<void> =>
  forms.enforce(ctx, kind.target, record[kind.results] as Record<string, unknown>, kind.results);

function told(kind: Kind, record: RecordRow, before: Partial<RecordRow>): history.Happening {
  const of = (row: Partial<RecordRow>, fields: readonly string[]) =>
    Object.fromEntries(fields.map((field) => [field, row[field]]));
  const isNew = before.id === undefined;
  const watched = [kind.done, ...(kind.verdict === null ? [] : [kind.verdict])];
  return {
    asset: record.asset,
    event_type: kind.event,
    previous_state: isNew ? {} : of(before, watched),
    new_state: { [kind.target]: record.id, ...of(record, kind.told) },
  };
}

/** The asset goes: so do its records and plans. What was done stays in its history. */
export async function forget(ctx: TenantContext, asset: number): Promise<void> {
  for (const resource of [maintenanceRecords, inspectionRecords, maintenancePlans]) {
    const rows = await ctx.db.query<{ id: number }>(`SELECT id FROM ${resource.table} WHERE asset_id = ?`, [asset]);
    for (const { id } of rows) await store.remove(ctx, resource, id);
  }
}
