/** A workflow started by hand: really, or as a preview of what it would do. */
import { z } from 'zod';
import { Conflict, Invalid } from '../../base/errors.ts';
import { type Context, inTransaction, type TenantContext } from '../../db/context.ts';
import { jsonObject, reference } from '../../resource/fields.ts';
import { parse } from '../../resource/parse.ts';
import { guarded } from '../../resource/serve.ts';
import * as store from '../../resource/store.ts';
import { performers } from './actions.ts';
import { allHold, judge } from './conditions.ts';
import { scopeOf } from './occasions.ts';
import { type RunRow, type WorkflowRow, workflowDefinitions, workflowRuns } from './resource.ts';
import { contextOf, refusalOf, run, take } from './run.ts';
import { follow, type Scope } from './scope.ts';
import { type ActionName, operators } from './steps.ts';

export const Execute = z.object({
  asset_id: reference().nullable().default(null),
  /** Its asset is the run's, unless another is given. */
  scan_event_id: reference().nullable().default(null),
  /** `previous_status` and `new_status` in it are what on_status_change would tell. */
  context: jsonObject(),
  /** Run although the conditions do not hold. */
  force: z.boolean().default(false),
  dry_run: z.boolean().default(false),
});

const Preview = z.object({
  matched_entry_conditions: z.array(
    z.object({ field: z.string(), operator: z.enum(operators), value: z.unknown(), matched: z.boolean() }),
  ),
  simulated_steps: z.array(z.looseObject({ action: z.string(), success: z.boolean(), note: z.string() })),
  message: z.string(),
});
const Ran = z.object({ run_count: z.int(), runs: z.array(workflowRuns.read) });
const Previewed = z.object({ dry_run: z.literal(true), preview: Preview });
export const Executed = z.union([Ran, Previewed]);

type Input = z.output<typeof Execute>;
type Preview = z.output<typeof Preview>;

/** A dry run is a read, open to every role. */
export const isDryRun = (body: unknown): boolean =>
  typeof body === 'object' && body !== null && (body as Partial<Input>).dry_run === true;

export const execute = (ctx: Context, id: number, body: unknown) =>
  isDryRun(body) ? preview(ctx, id, body) : runNow(ctx, id, body);

const runNow = (ctx: Context, id: number, body: unknown): Promise<{ run_count: number; runs: RunRow[] }> =>
  guarded(
    ctx,
    'workflows',
    'execute',
    async (inside) => {
      const workflow = await store.get(inside, workflowDefinitions, id);
      const input = parse(Execute, body ?? {});
      if (!workflow.is_active)
        throw new Conflict('This workflow is not active. Set is_active first, or try it with dry_run.');
      const scope = await scopeFor(inside, input);
      if (!input.force && !allHold(workflow, scope)) return { run_count: 0, runs: [] };
      const { asset_id, scan_event_id, force } = input;
      const told = { trigger: 'manual', by: ctx.actor.label, asset_id, scan_event_id, force };
      const row = await run(inside, workflow, scope, { input: told, event: null });
      return { run_count: 1, runs: [row] };
    },
    { long: true },
  );

/** Really does it, within a part of a transaction that is undone: what it tells of each step is what would have come of it. */
const preview = (ctx: Context, id: number, body: unknown): Promise<{ dry_run: true; preview: Preview }> =>
  guarded(ctx, 'workflows', 'view', (inside) =>
    inTransaction(inside, async (tx) => {
      const workflow = await store.get(tx, workflowDefinitions, id);
      const scope = await scopeFor(tx, parse(Execute, body));
      const matched_entry_conditions = judge(workflow, scope);
      const wouldRun = (body as Input).force || matched_entry_conditions.every(({ matched }) => matched);
      const simulated_steps = wouldRun ? await undone(tx, () => simulate(tx, workflow, scope)) : [];
      const message = messageOf(simulated_steps);
      return { dry_run: true, preview: { matched_entry_conditions, simulated_steps, message } };
    }),
  );

function messageOf(steps: Preview['simulated_steps']): string {
  const failing = steps.findIndex(({ success }) => !success);
  if (failing < 0) return 'Dry-run successful. No database changes made.';
  return `Dry-run failed at step ${failing + 1}. No database changes made.`;
}

/** Carries the answer out of the part of the transaction that its throw undoes. */
class Undone<T> {
  readonly answer: T;
  constructor(answer: T) {
    this.answer = answer;
  }
}

async function undone<T>(ctx: TenantContext, work: () => Promise<T>): Promise<T> {
  try {
    return await ctx.db.savepoint(async () => {
      throw new Undone(await work());
    });
  } catch (error) {
    if (error instanceof Undone) return error.answer as T;
    throw error;
  }
}

async function simulate(ctx: TenantContext, workflow: WorkflowRow, scope: Scope): Promise<Preview['simulated_steps']> {
  const stage = { ctx: contextOf(ctx, workflow), scope, run: 0 };
  const simulated: Preview['simulated_steps'] = [];
  let failed = false;
  for (const written of workflow.steps) {
    const action = written.action as ActionName;
    let step = written;
    const attempt = async () => {
      step = await take(stage, written);
    };
    const refusal: string | null = failed ? 'a step before it fails.' : await refusalOf(stage.ctx, attempt);
    failed ||= refusal !== null;
    const would = `Would ${performers[action].about}`;
    simulated.push({ ...step, action, success: !failed, note: refusal === null ? would : `${would}, but: ${refusal}` });
  }
  return simulated;
}

/** Invalid on the field whose row is unknown or another tenant's. */
async function scopeFor(ctx: TenantContext, input: Input): Promise<Scope> {
  const { asset_id, scan_event_id, context } = input;
  const [previous_status, new_status] = ['previous_status', 'new_status'].map((key) => textAt(context, key));
  const scope = await scopeOf(ctx, {
    asset: asset_id,
    scan_event: scan_event_id,
    previous_status,
    new_status,
    context,
  });
  const faults: Record<string, string[]> = {};
  if (asset_id !== null && scope.asset === null) faults.asset_id = ['Asset not found.'];
  if (scan_event_id !== null && scope.scan_event === null) faults.scan_event_id = ['Scan event not found.'];
  if (Object.keys(faults).length > 0) throw new Invalid(faults);
  return scope;
}

function textAt(context: Record<string, unknown>, key: string): string | null {
  const value = follow(context, [key]);
  return typeof value === 'string' ? value : null;
}
