/**
 * The job that delivers one event to one endpoint. Attempts are counted on the delivery, not on the job, since a replay
 * begins anew. Sending comes before the transaction: a runner that dies between the two sends the same message again.
 */
import type { Log } from '../../base/log.ts';
import { metrics } from '../../base/metrics.ts';
import type { Context, TenantContext } from '../../db/context.ts';
import * as jobs from '../../queue/jobs.ts';
import type { JobKind, Verdict } from '../../queue/kind.ts';
import * as store from '../../resource/store.ts';
import { raiseVersion } from '../accounts/service.ts';
import * as health from './health.ts';
import { type Outcome, outcomeOf, waitAfter } from './outcome.ts';
import * as record from './record.ts';
import { redriveJob } from './redrive.ts';
import { webhookEndpoints } from './resource.ts';
import type { Answer, Sender } from './sender.ts';
import { messageOf, type Target, targetOf } from './target.ts';

export interface DeliveryPayload {
  delivery: number;
  /** Which replay it is of; 0 when left out. */
  round?: number;
}

/** Nothing: the delivery is gone, or is another job's now. Without answer: nobody is to be sent to. */
type Result = undefined | { stopped: true } | { target: Target; answer?: Answer };

export interface DeliverySettings {
  redriveHours: number;
  disableDays: number;
}

export function deliveryKind(sender: Sender, settings: DeliverySettings): JobKind<DeliveryPayload, Result> {
  return {
    kind: 'webhook.deliver',
    queue: 'webhooks',
    async perform(ctx, job, signal) {
      const target = await targetOf(ctx, job.payload.delivery);
      if (target?.status !== 'pending' || target.round !== (job.payload.round ?? 0)) return undefined;
      if (!target.is_active) return { target };
      const message = await messageOf(inTenant(ctx), target);
      metrics.deliveriesInFlight.inc();
      try {
        return { target, answer: await sender.send(message, signal) };
      } catch (error) {
        if (signal.aborted) return { stopped: true };
        throw error;
      } finally {
        metrics.deliveriesInFlight.dec();
      }
    },
    /** A receiver that takes what it gets need not wait for our disk. */
    early: (result) =>
      result !== undefined &&
      'answer' in result &&
      result.answer !== undefined &&
      outcomeOf(result.answer, new Date()).verdict === 'success',
    async settle(ctx, _job, result) {
      if (!result) return undefined;
      if ('stopped' in result) return { retryIn: 0, reason: 'The runner was stopped.', spends: false };
      const inside = inTenant(ctx);
      const { target, answer } = result;
      if (!answer) return dead(inside, target, disabled);
      const outcome = outcomeOf(answer, ctx.now());
      return outcome.verdict === 'success'
        ? delivered(inside, target, answer)
        : failed(inside, target, answer, outcome, settings);
    },
    /** Also after a verdict that has written it already. */
    async gaveUp(ctx, job, reason) {
      const target = await targetOf(ctx, job.payload.delivery);
      if (target && target.round === (job.payload.round ?? 0))
        await record.deadLetter(inTenant(ctx), target, { reason: 'error', error: reason, flagged: false });
      return { keep: false };
    },
  };
}

const disabled: record.Failure = { reason: 'endpoint_disabled', error: 'The endpoint was disabled.', flagged: false };

/** The runner's contexts have the tenant of the job; a delivery's job always has one. */
function inTenant(ctx: Context): TenantContext {
  if (!ctx.tenant) throw new Error('A delivery needs its tenant.');
  const log = logs.get(ctx.log) ?? ctx.log.child({ logger: 'assetra.webhook' });
  logs.set(ctx.log, log);
  return { ...ctx, tenant: ctx.tenant, log };
}

const logs = new WeakMap<Log, Log>();

async function dead(ctx: TenantContext, target: Target, failure: record.Failure): Promise<Verdict> {
  await record.deadLetter(ctx, target, failure);
  return target.state === 'closed' ? undefined : free;
}

const free: Verdict = { done: true, freeLane: true };

async function delivered(ctx: TenantContext, target: Target, answer: Answer): Promise<Verdict> {
  record.attempt(ctx, target, answer);
  record.success(ctx, target, answer);
  await health.succeeded(ctx, target.endpoint_id, target);
  if (target.failing_since !== null) await jobs.start(ctx, redriveJob(target));
  return target.state === 'closed' ? undefined : free;
}

async function failed(
  ctx: TenantContext,
  target: Target,
  answer: Answer,
  outcome: Exclude<Outcome, { verdict: 'success' }>,
  { disableDays }: DeliverySettings,
): Promise<Verdict> {
  record.attempt(ctx, target, answer, outcome);
  if (outcome.reason === 'gone') {
    await record.deadLetter(ctx, target, outcome, answer);
    return disable(ctx, target, 'it answered 410 Gone');
  }
  const strain = await health.failed(ctx, target.endpoint_id, answer.status === 429 ? outcome.retryAfter : 0);
  if (strain && health.isDead(strain, ctx.now(), disableDays)) {
    await record.deadLetter(ctx, target, outcome, answer);
    return disable(ctx, target, `nothing has worked since ${strain.since}`);
  }
  if (strain?.opened) warnOpen(ctx, target);
  if (strain?.warns) warnLong(ctx, target, strain, disableDays);
  const holdLane = strain?.hold === undefined ? {} : { holdLane: strain.hold };
  const attempts = target.attempt_count + 1;
  if (outcome.verdict === 'dead' || attempts >= target.max_attempts) {
    await record.deadLetter(ctx, target, outcome, answer);
    return strain?.hold === undefined ? undefined : { dead: outcome.error, ...holdLane };
  }
  const wait = Math.max(waitAfter(attempts, outcome.retryAfter), strain?.hold ?? 0);
  if (!(await record.retry(ctx, target, answer, outcome, wait))) return undefined;
  return { retryIn: wait, reason: outcome.error, spends: false, ...holdLane };
}

function warnOpen(ctx: TenantContext, { endpoint_id, tenant_id }: Target): void {
  const line = { tenant_id, endpoint_id };
  ctx.db.afterCommit(() =>
    ctx.log.warn(
      line,
      'Most deliveries to a webhook endpoint failed lately; they wait while it is tried now and then.',
    ),
  );
}

function warnLong(ctx: TenantContext, target: Target, { since, failures, warns }: health.Strain, days: number): void {
  const { endpoint_id, tenant_id, name } = target;
  const line = { tenant_id, endpoint_id, endpoint_name: name, failing_since: since, failures };
  const end = days > 0 ? ` After ${days} days it is disabled.` : '';
  ctx.db.afterCommit(() =>
    ctx.log.warn(line, `A webhook endpoint has taken nothing for ${warns} hours. Look at its receiver.${end}`),
  );
}

/** What waits in its lane becomes dead letters, each when its turn comes. */
async function disable(ctx: TenantContext, target: Target, why: string): Promise<Verdict> {
  const row = await store.find(ctx, webhookEndpoints, target.endpoint_id, true);
  if (row?.is_active) {
    await store.update(ctx, webhookEndpoints, row, { is_active: false });
    // Who listens is kept with the permissions.
    await raiseVersion(ctx);
    const line = { tenant_id: target.tenant_id, endpoint_id: target.endpoint_id };
    ctx.db.afterCommit(() => ctx.log.warn(line, `A webhook endpoint was disabled: ${why}.`));
  }
  return free;
}
