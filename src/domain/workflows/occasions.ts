/** What there is to see when a workflow may run, and the runs that come of it. */
import { type TenantContext, timestamp } from '../../db/context.ts';
import * as store from '../../resource/store.ts';
import * as assets from '../assets/service.ts';
import * as scans from '../scans/service.ts';
import { allHold } from './conditions.ts';
import { type RunRow, type WorkflowRow, workflowDefinitions } from './resource.ts';
import { type Occasion, run } from './run.ts';
import type { Scope } from './scope.ts';
import type { triggers } from './steps.ts';

export interface Subject {
  asset?: number | null;
  scan_event?: number | null;
  previous_status?: string | null;
  new_status?: string | null;
  context?: Record<string, unknown>;
}

/** The rows as they are now, the asset locked until the transaction ends; null for what is gone or another tenant's. */
export async function scopeOf(ctx: TenantContext, subject: Subject): Promise<Scope> {
  const scan = subject.scan_event ? await store.find(ctx, scans.served.resource, subject.scan_event) : undefined;
  const scan_event = scan?.tenant === ctx.tenant.id ? scan : null;
  const id = subject.asset ?? scan_event?.asset ?? null;
  const asset = id === null ? undefined : (await assets.byIds(ctx, [id], true)).get(id);
  const { previous_status = null, new_status = null, context = {} } = subject;
  const output = { steps: [] };
  return { asset: asset ?? null, scan_event, previous_status, new_status, context, output, now: timestamp(ctx) };
}

/** The tenant's active workflows of a trigger, oldest first: in this order they run. */
export async function activeOf(ctx: TenantContext, trigger: (typeof triggers)[number]): Promise<WorkflowRow[]> {
  const sql =
    `SELECT ${workflowDefinitions.selection} FROM workflow_definitions ` +
    'WHERE tenant_id = ? AND trigger_type = ? AND is_active = ? ORDER BY id';
  const rows = await ctx.db.query(sql, [ctx.tenant.id, trigger, true]);
  return rows.map((row) => store.decode(workflowDefinitions, row));
}

/** Runs those whose conditions hold. Each sees what the one before it did. */
export async function runAll(
  ctx: TenantContext,
  workflows: readonly WorkflowRow[],
  subject: Subject,
  occasion: Occasion,
): Promise<RunRow[]> {
  const runs: RunRow[] = [];
  let scope: Scope | undefined;
  for (const workflow of workflows) {
    scope ??= await scopeOf(ctx, subject);
    if (!allHold(workflow, scope)) continue;
    runs.push(await run(ctx, workflow, scope, occasion));
    scope = undefined;
  }
  return runs;
}
