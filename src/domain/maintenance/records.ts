/** Maintenance and inspections, planned and done: each leaves its record in the history of the asset. */
import { Invalid } from '../../base/errors.ts';
import { type TenantContext, timestamp } from '../../db/context.ts';
import type { Fields } from '../../resource/define.ts';
import { serve } from '../../resource/serve.ts';
import * as store from '../../resource/store.ts';
import * as forms from '../forms/service.ts';
import * as history from '../history/service.ts';
import { daysAfter, withDue } from './due.ts';
import * as plans from './plans.ts';
import {
  type InspectionRow,
  inspectionRecords,
  type MaintenanceRow,
  maintenancePlans,
  maintenanceRecords,
} from './resource.ts';

export const servedMaintenance = serve(maintenanceRecords, { create, update });
export const servedInspections = serve(inspectionRecords, { create: inspect, update: changeInspection });
export const recordOperations = [
  ...withDue(servedMaintenance, { at: 'scheduled_at', from: 'due_from', open: 'performed_at IS NULL' }),
  ...withDue(servedInspections, { at: 'scheduled_at', from: 'scheduled_at', open: 'inspected_at IS NULL' }),
];

/** What is planned is checked when it is done: nobody can fill in the results before. */
const isEmpty = (results: object): boolean => Object.keys(results).length === 0;

async function create(ctx: TenantContext, values: Fields<typeof maintenanceRecords>): Promise<MaintenanceRow> {
  if (values.performed_at !== null || values.scheduled_at === null || !isEmpty(values.result_data))
    await forms.enforce(ctx, 'maintenance_record', values.result_data, 'result_data');
  const due_from = await dueFrom(ctx, values);
  const record = await store.insert(ctx, maintenanceRecords, { ...values, due_from });
  history.append(ctx, maintained(record, {}));
  if (record.plan !== null && record.performed_at !== null)
    await plans.performed(ctx, record.plan, record.performed_at);
  return record;
}

async function update(
  ctx: TenantContext,
  row: MaintenanceRow,
  changes: Partial<Fields<typeof maintenanceRecords>>,
): Promise<MaintenanceRow> {
  keepAsset(row, changes);
  const written = { ...row, ...changes };
  const performs = row.performed_at === null && written.performed_at !== null;
  if (changes.result_data !== undefined || performs)
    await forms.enforce(ctx, 'maintenance_record', written.result_data, 'result_data');
  const due_from = await dueFrom(ctx, written);
  const moved = due_from === row.due_from ? {} : { due_from };
  const record = await store.update(ctx, maintenanceRecords, row, { ...changes, ...moved });
  if (!performs) return record;
  history.append(ctx, maintained(record, { performed_at: null }));
  if (record.plan !== null) await plans.performed(ctx, record.plan, record.performed_at!);
  return record;
}

/** When the record begins to be due; Invalid when its plan is another asset's. */
async function dueFrom(
  ctx: TenantContext,
  { asset, plan, scheduled_at }: Pick<MaintenanceRow, 'asset' | 'plan' | 'scheduled_at'>,
): Promise<string | null> {
  if (plan === null) return scheduled_at;
  const row = await store.get(ctx, maintenancePlans, plan);
  if (row.asset !== asset) throw new Invalid({ plan: ['This plan is of another asset.'] });
  return scheduled_at === null ? null : daysAfter(scheduled_at, -row.lead_days);
}

function maintained(record: MaintenanceRow, previous_state: Record<string, unknown>): history.Happening {
  const { id, plan, scheduled_at, performed_at, notes, result_data } = record;
  const new_state = { maintenance_record: id, plan, scheduled_at, performed_at, notes, result_data };
  return { asset: record.asset, event_type: 'maintain', previous_state, new_state };
}

async function inspect(ctx: TenantContext, values: Fields<typeof inspectionRecords>): Promise<InspectionRow> {
  const planned = values.scheduled_at !== null || values.inspected_at !== null;
  const row = planned ? values : { ...values, inspected_at: timestamp(ctx) };
  if (row.inspected_at !== null || !isEmpty(row.details))
    await forms.enforce(ctx, 'inspection_record', row.details, 'details');
  const record = await store.insert(ctx, inspectionRecords, row);
  history.append(ctx, inspected(record, {}));
  return record;
}

async function changeInspection(
  ctx: TenantContext,
  row: InspectionRow,
  changes: Partial<Fields<typeof inspectionRecords>>,
): Promise<InspectionRow> {
  keepAsset(row, changes);
  const written = { ...row, ...changes };
  const performs = row.inspected_at === null && written.inspected_at !== null;
  if (changes.details !== undefined || performs)
    await forms.enforce(ctx, 'inspection_record', written.details, 'details');
  const record = await store.update(ctx, inspectionRecords, row, changes);
  // The verdict is what an inspection is for: a later one is told as well.
  if (performs || record.status !== row.status) {
    const previous = { inspected_at: row.inspected_at, status: row.status };
    history.append(ctx, inspected(record, previous));
  }
  return record;
}

function inspected(record: InspectionRow, previous_state: Record<string, unknown>): history.Happening {
  const { id, inspector, scheduled_at, inspected_at, status, details } = record;
  const new_state = { inspection_record: id, inspector, scheduled_at, inspected_at, status, details };
  return { asset: record.asset, event_type: 'inspect', previous_state, new_state };
}

function keepAsset(row: { asset: number }, changes: { asset?: number | undefined }): void {
  if (changes.asset !== undefined && changes.asset !== row.asset)
    throw new Invalid({ asset: ['A record stays with its asset. Make another one.'] });
}

/** The asset goes: so do its records and plans. What was done stays in its history. */
export async function forget(ctx: TenantContext, asset: number): Promise<void> {
  for (const resource of [maintenanceRecords, inspectionRecords, maintenancePlans]) {
    const rows = await ctx.db.query<{ id: number }>(`SELECT id FROM ${resource.table} WHERE asset_id = ?`, [asset]);
    for (const { id } of rows) await store.remove(ctx, resource, id);
  }
}
