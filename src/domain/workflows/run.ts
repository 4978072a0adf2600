/** A run: the steps of a workflow, all of them or none, and the row that says what became of them. */
import { AppError, Conflict, Invalid, isRefusal } from '../../base/errors.ts';
import { metrics } from '../../base/metrics.ts';
import { type Actor, type TenantContext, timestamp } from '../../db/context.ts';
import * as changes from '../../queue/changes.ts';
import * as store from '../../resource/store.ts';
import * as outbox from '../outbox/service.ts';
import { performers, type Stage, type Step } from './actions.ts';
import { type RunRow, type WorkflowRow, workflowRuns } from './resource.ts';
import type { Scope } from './scope.ts';
import { type ActionName, stepFaults } from './steps.ts';
import { filled, maxFilled, tooLong } from './template.ts';

/** What made a workflow run. */
export interface Occasion {
  /** Kept with the run: who or what asked for it, and with what. */
  input: Record<string, unknown>;
  /** The event in the outbox, of which a workflow makes one run. */
  event: number | null;
  /** Why nothing may be done, if so: the run fails with it. */
  refusal?: string;
}

const maxLabel = 200;
/** In JSON: NUL, or a lone surrogate. */
const unstorable = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f][0-9a-f]{2})/;

/** History shows the workflow; it may what an operator may. */
const actorOf = ({ name }: WorkflowRow): Actor => ({
  kind: 'system',
  id: null,
  label: `workflow:${name}`.slice(0, maxLabel).toWellFormed(),
  role: 'operator',
  superuser: false,
});

/** The context that the steps work in: whatever they cause is one workflow further from where it began. */
export const contextOf = (ctx: TenantContext, workflow: WorkflowRow): TenantContext => ({
  ...ctx,
  actor: actorOf(workflow),
  depth: (ctx.depth ?? 0) + 1,
});

/** Runs the workflow within the caller's transaction. What a refused step and those before it did is undone, the row stays. */
export async function run(
  ctx: TenantContext,
  workflow: WorkflowRow,
  scope: Scope,
  occasion: Occasion,
): Promise<RunRow> {
  const inside = contextOf(ctx, workflow);
  const began = performance.now();
  const id = await begin(inside, workflow, scope, occasion);
  const refusal = await refusalOf(inside, () =>
    inside.db.savepoint(async () => {
      if (occasion.refusal) throw new Conflict(occasion.refusal);
      const stage = { ctx: inside, scope, run: id };
      for (const [index, step] of workflow.steps.entries()) await naming(step, index, () => take(stage, step));
    }),
  );
  // It may quote what cannot be stored.
  const failure = refusal?.replaceAll('\0', '\ufffd') ?? null;
  const row = await end(inside, id, scope, failure);
  const status = failure === null ? 'success' : 'error';
  ctx.db.afterCommit(() => {
    const seconds = (performance.now() - began) / 1000;
    metrics.workflowRuns.inc({ workflow_name: workflow.name, status });
    metrics.workflowDuration.observe({ workflow_name: workflow.name }, seconds);
    const told = { tenant_id: ctx.tenant.id, workflow_id: workflow.id, run_id: id, ...(failure && { error: failure }) };
    const log = ctx.log.child({ logger: 'assetra.workflow' });
    if (failure === null) log.info(told, `The workflow "${workflow.name}" ran.`);
    else log.warn(told, `The workflow "${workflow.name}" failed.`);
  });
  return row;
}

/** One step: filled in, checked, done, and noted in the output. Answers it as it was done. */
export async function take(stage: Stage, written: Step): Promise<Step> {
  const { scope } = stage;
  const step = filled(written, scope) as Step;
  const text = JSON.stringify(step);
  // Placeholders could double a text with every step.
  if (text.length > maxFilled) throw new Invalid(tooLong);
  if (unstorable.test(text)) throw new Invalid('Its values hold a null character, or half a character.');
  const faults = stepFaults(step, true);
  if (faults.length > 0) throw new Invalid(Object.fromEntries(faults.map(([key, message]) => [key, [message]])));
  const action = step.action as ActionName;
  const done = await performers[action].perform(stage, step);
  scope.output = { ...scope.output, steps: [...(scope.output.steps as object[]), { action, ...done }] };
  return step;
}

async function naming({ action }: Step, index: number, work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!isRefusal(error)) throw error;
    throw new AppError(error.code, error.status, `Step ${index + 1} (${action}): ${error.message}`, { cause: error });
  }
}

/** Why the work was refused, or null. A failure of the database is no fault of the workflow: the whole is tried again. */
export async function refusalOf(ctx: TenantContext, work: () => Promise<unknown>): Promise<string | null> {
  try {
    await work();
    return null;
  } catch (error) {
    if (error instanceof AppError && error.status >= 500) throw error;
    if (isRefusal(error)) return error.message;
    ctx.log.error({ err: error }, 'A workflow met a fault that nobody foresaw.');
    return 'It met a fault that nobody foresaw. The log of the server says which.';
  }
}

async function begin(
  ctx: TenantContext,
  workflow: WorkflowRow,
  scope: Scope,
  { input, event }: Occasion,
): Promise<number> {
  const now = timestamp(ctx);
  const id = await ctx.db.insert('workflow_runs', {
    tenant_id: ctx.tenant.id,
    workflow_id: workflow.id,
    asset_id: scope.asset?.id ?? null,
    scan_event_id: scope.scan_event?.id ?? null,
    event_id: event,
    status: 'running',
    context: JSON.stringify(scope.context),
    input_data: JSON.stringify(input),
    output_data: '{}',
    error: '',
    started_at: now,
    completed_at: null,
    created_at: now,
    updated_at: now,
  });
  changes.append(ctx, { entity: workflowRuns.entity, entity_id: id, op: 'create', fields: [] });
  return id;
}

async function end(ctx: TenantContext, id: number, scope: Scope, failure: string | null): Promise<RunRow> {
  const now = timestamp(ctx);
  const output = JSON.stringify(failure === null ? scope.output : {});
  const made = failure === null ? (scope.asset?.id ?? null) : null;
  const sql =
    'UPDATE workflow_runs SET status = ?, output_data = ?, error = ?, completed_at = ?, updated_at = ?, ' +
    'asset_id = COALESCE(asset_id, ?) WHERE id = ?';
  await ctx.db.execute(sql, [failure === null ? 'success' : 'failed', output, failure ?? '', now, now, made, id]);
  const row = await store.get(ctx, workflowRuns, id);
  const name = failure === null ? 'workflow.succeeded' : 'workflow.failed';
  outbox.append(ctx, { name, entity: workflowRuns.entity, entity_id: id, data: row });
  return row;
}
