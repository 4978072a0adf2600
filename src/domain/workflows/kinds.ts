/** What starts workflows by itself: events, inbound messages, and time. Each is a job. */
import type { Context, TenantContext } from '../../db/context.ts';
import type { Value } from '../../db/dialect.ts';
import { listOf } from '../../db/lists.ts';
import * as jobs from '../../queue/jobs.ts';
import type { AnyKind, JobKind, Schedule } from '../../queue/kind.ts';
import * as store from '../../resource/store.ts';
import * as assets from '../assets/service.ts';
import * as outbox from '../outbox/service.ts';
import { allHold, conditionsOf } from './conditions.ts';
import { activeOf, runAll, type Subject, scopeOf } from './occasions.ts';
import { type WorkflowRow, workflowDefinitions } from './resource.ts';
import { isOfAsset } from './scope.ts';
import { scheduleOf } from './steps.ts';

const queue = 'workflows';
/** Assets that one job of a schedule looks at; the next one goes on after them. */
const page = 100;

export interface KindSettings {
  /** How many workflows may lead to each other, one after the other. */
  maxDepth: number;
}

export const workflowKinds = (settings: KindSettings): AnyKind[] => [onEvent(settings), onMessage, onTime];

/** An event of the outbox. Each workflow makes one run of it, also when the job comes again. */
const onEvent = ({ maxDepth }: KindSettings): JobKind<{ event: number }> => ({
  kind: 'workflow.trigger',
  // It waits for the locks of its asset; others that share its transaction would wait with it.
  long: true,
  queue,
  async settle(ctx, { payload }) {
    if (!hasTenant(ctx)) return;
    const event = await outbox.find(ctx, payload.event);
    const cause = event && causeOf(event);
    if (!event || !cause) return;
    const workflows = await notYetRun(ctx, await activeOf(ctx, cause.trigger), event.id);
    const { id, name, depth } = event;
    const refusal =
      depth >= maxDepth
        ? `Stopped: ${depth} workflows have led to each other already. Look for a ring in their conditions, or raise ASSETRA_WORKFLOW_DEPTH.`
        : undefined;
    const input = { trigger: cause.trigger, event: name, event_id: id, ...cause.input };
    await runAll({ ...ctx, depth }, workflows, cause.subject, { input, event: id, ...(refusal && { refusal }) });
  },
});

/** A disabled tenant has none. */
const hasTenant = (ctx: Context): ctx is TenantContext => ctx.tenant !== null;

interface Cause {
  trigger: 'on_scan' | 'on_status_change';
  subject: Subject;
  input: Record<string, unknown>;
}

/** What the event means to workflows; undefined when nothing, such as one that a workflow sent under a name of these. */
function causeOf({ name, entity, entity_id, changes }: outbox.Told): Cause | undefined {
  const context = { event_name: name };
  if ((name === 'scan.created' || name === 'scan.rejected') && entity === 'scan_event')
    return { trigger: 'on_scan', subject: { scan_event: entity_id, context }, input: { scan_event_id: entity_id } };
  const status = changes?.status;
  if (name !== 'asset.status_changed' || entity !== 'asset' || !status) return undefined;
  const [previous_status, new_status] = status as [string, string];
  const statuses = { previous_status, new_status };
  return {
    trigger: 'on_status_change',
    subject: { asset: entity_id, ...statuses, context },
    input: { asset_id: entity_id, ...statuses },
  };
}

async function notYetRun(ctx: TenantContext, workflows: WorkflowRow[], event: number): Promise<WorkflowRow[]> {
  if (workflows.length === 0) return [];
  const { marks, params } = listOf<Value>(workflows.map(({ id }) => id));
  const sql = `SELECT workflow_id FROM workflow_runs WHERE workflow_id IN ${marks} AND event_id = ?`;
  const rows = await ctx.db.query<{ workflow_id: number }>(sql, [...params, event]);
  const ran = new Set(rows.map(({ workflow_id }) => workflow_id));
  return workflows.filter(({ id }) => !ran.has(id));
}

/** A message that another program sent. */
export interface Message {
  delivery: number;
  event_name: string;
  payload: Record<string, unknown>;
  endpoint: { id: number; name: string };
}

/** A manual workflow waits for messages when a condition of it names what they are called. */
const waitsForMessages = (workflow: WorkflowRow): boolean =>
  conditionsOf(workflow).some(({ field }) => field === 'context.event_name');

const listening = async (ctx: TenantContext): Promise<WorkflowRow[]> =>
  (await activeOf(ctx, 'manual')).filter(waitsForMessages);

/** Lets workflows that wait for messages run, after the transaction that has taken this one. */
export async function tellMessage(ctx: TenantContext, message: Message): Promise<void> {
  if ((await listening(ctx)).length === 0) return;
  jobs.add(ctx, { kind: onMessage.kind, queue, tenant: ctx.tenant.id, payload: message });
}

const onMessage: JobKind<Message> = {
  kind: 'workflow.message',
  long: true,
  queue,
  async settle(ctx, { payload: { delivery, event_name, payload, endpoint } }) {
    if (!hasTenant(ctx)) return;
    const asset = await assetNamed(ctx, payload);
    const input = { trigger: 'manual', by: `webhook:${endpoint.name}`, delivery_id: delivery, asset_id: asset };
    const subject = { asset, context: { event_name, payload, endpoint } };
    await runAll(ctx, await listening(ctx), subject, { input, event: null });
  },
};

/** The asset that a message is about: `asset_id` in it, or else `asset_tag`. */
async function assetNamed(ctx: TenantContext, payload: Record<string, unknown>): Promise<number | null> {
  const { asset_id, asset_tag } = payload;
  if (Number.isSafeInteger(asset_id)) return (await assets.byId(ctx, asset_id as number))?.id ?? null;
  if (typeof asset_tag !== 'string' || asset_tag.includes('\0')) return null;
  return (await store.findBy(ctx, assets.resource, 'asset_tag', asset_tag))?.id ?? null;
}

interface Timed {
  id: number;
  tenant_id: number;
  entry_conditions: string;
  updated_at: string;
}

/** When workflows run on time, for the schedule; one job for each tick. */
export async function schedules(ctx: Context): Promise<Schedule[]> {
  const sql =
    'SELECT w.id, w.tenant_id, w.entry_conditions, w.updated_at FROM workflow_definitions w JOIN tenants t ON t.id = w.tenant_id ' +
    "WHERE w.trigger_type = 'on_time' AND w.is_active = ? AND t.is_active = ? ORDER BY w.id";
  const rows = await ctx.db.query<Timed>(sql, [true, true]);
  return rows.map(({ id, tenant_id, entry_conditions, updated_at }) => ({
    task: `workflow:${id}`,
    ...scheduleOf(JSON.parse(entry_conditions)),
    since: Date.parse(updated_at),
    job: { kind: onTime.kind, queue, tenant: tenant_id, payload: { workflow: id, after: 0 } },
  }));
}

/** One whose conditions name the asset runs for each asset that they hold for; another runs once, without one. */
const onTime: JobKind<{ workflow: number; after: number }> = {
  kind: 'workflow.on_time',
  queue,
  long: true,
  async settle(ctx, { payload: { workflow: id, after } }) {
    if (!hasTenant(ctx)) return;
    const workflow = await store.find(ctx, workflowDefinitions, id);
    if (!workflow?.is_active || workflow.trigger_type !== 'on_time' || workflow.tenant !== ctx.tenant.id) return;
    const context = { event_name: 'time' };
    const input = { trigger: 'on_time' };
    if (!conditionsOf(workflow).some(({ field }) => isOfAsset(field))) {
      await runAll(ctx, [workflow], { context }, { input, event: null });
      return;
    }
    const some = await assetsAfter(ctx, after);
    const scope = await scopeOf(ctx, { context });
    for (const asset of some) {
      // A first look without a lock; `runAll` looks again with one.
      if (!allHold(workflow, { ...scope, asset })) continue;
      const subject = { asset: asset.id, context };
      await runAll(ctx, [workflow], subject, { input: { ...input, asset_id: asset.id }, event: null });
    }
    const payload = { workflow: id, after: some.at(-1)?.id };
    if (some.length === page) jobs.add(ctx, { kind: onTime.kind, queue, tenant: ctx.tenant.id, payload });
  },
};

async function assetsAfter(ctx: TenantContext, id: number): Promise<assets.AssetRow[]> {
  const sql = `SELECT ${assets.resource.selection} FROM assets WHERE tenant_id = ? AND id > ? ORDER BY id LIMIT ${page}`;
  const rows = await ctx.db.query(sql, [ctx.tenant.id, id]);
  return rows.map((row) => store.decode(assets.resource, row));
}
