/** What came of an attempt, in rows: the delivery, the attempt itself, metrics and log lines once it is committed. */
import { metrics } from '../../base/metrics.ts';
import { type TenantContext, timestamp } from '../../db/context.ts';
import type { Db } from '../../db/database.ts';
import type { Value } from '../../db/dialect.ts';
import { listOf } from '../../db/lists.ts';
import * as changes from '../../queue/changes.ts';
import * as outbox from '../outbox/service.ts';
import type { Reason } from './outcome.ts';
import type { Answer } from './sender.ts';
import type { Target } from './target.ts';

/** Of one delivery's failure. */
export interface Failure {
  reason: Reason;
  error: string;
  flagged: boolean;
}

const succeeded = { reason: '', error: '' };

/** A row of its own for each attempt, all of a transaction with one statement. */
export function attempt(ctx: TenantContext, target: Target, answer: Answer, failure?: Failure): void {
  const now = timestamp(ctx);
  const { reason, error } = failure ?? succeeded;
  ctx.db.beforeCommit(insertAttempts, {
    tenant_id: target.tenant_id,
    delivery_id: target.id,
    round: target.round,
    attempt: target.attempt_count + 1,
    response_code: answer.status || null,
    duration_ms: answer.ms,
    reason,
    error,
    ip: answer.ip,
    response_body: answer.body,
    created_at: now,
    updated_at: now,
  });
}

const insertAttempts = (tx: Db, rows: Record<string, Value>[]): Promise<void> =>
  tx.insertMany('webhook_attempts', rows);

/** Writes the delivery unless it was replayed or settled meanwhile; then the answer is false. */
async function write(ctx: TenantContext, target: Target, columns: Record<string, Value>): Promise<boolean> {
  const now = timestamp(ctx);
  const set = Object.keys(columns).map((column) => `${column} = ?`);
  const sql =
    `UPDATE webhook_deliveries SET ${set.join(', ')}, first_attempt_at = COALESCE(first_attempt_at, ?), updated_at = ? ` +
    "WHERE id = ? AND round = ? AND status = 'pending'";
  const params = [...Object.values(columns), now, now, target.id, target.round];
  return (await ctx.db.execute(sql, params)) > 0;
}

const seen = (target: Target, answer: Answer) => ({
  response_code: answer.status || null,
  response_body: answer.body,
  attempt_count: target.attempt_count + 1,
});

/** Those of a transaction that were answered alike are written with one statement. */
export function success(ctx: TenantContext, target: Target, answer: Answer): void {
  ctx.db.beforeCommit(writeSuccesses, {
    id: target.id,
    round: target.round,
    at: timestamp(ctx),
    ...seen(target, answer),
  });
  told(ctx, target, answer, 'success', () => ctx.log.info(lineOf(target, answer), 'A webhook was delivered.'));
}

interface Success {
  id: number;
  round: number;
  at: string;
  response_code: number | null;
  response_body: string;
  attempt_count: number;
}

async function writeSuccesses(tx: Db, successes: Success[]): Promise<void> {
  const alike = new Map<string, Success[]>();
  for (const success of successes) {
    const { round, response_code, response_body, attempt_count } = success;
    const key = JSON.stringify([round, response_code, attempt_count, response_body]);
    const group = alike.get(key);
    if (group) group.push(success);
    else alike.set(key, [success]);
  }
  for (const group of alike.values()) {
    const { round, at, response_code, response_body, attempt_count } = group[0]!;
    const { marks, params } = listOf(group.map(({ id }) => id).sort((one, two) => one - two));
    const sql =
      "UPDATE webhook_deliveries SET status = 'success', response_code = ?, response_body = ?, attempt_count = ?, " +
      "next_attempt_at = NULL, last_error = '', reason = '', flagged = ?, delivered_at = ?, " +
      'first_attempt_at = COALESCE(first_attempt_at, ?), updated_at = ? ' +
      `WHERE id IN ${marks} AND round = ? AND status = 'pending'`;
    await tx.execute(sql, [response_code, response_body, attempt_count, false, at, at, at, ...params, round]);
  }
}

/** `wait` in ms. */
export async function retry(
  ctx: TenantContext,
  target: Target,
  answer: Answer,
  { reason, error, flagged }: Failure,
  wait: number,
): Promise<boolean> {
  const at = new Date(ctx.now().getTime() + wait).toISOString();
  const written = await write(ctx, target, {
    ...seen(target, answer),
    next_attempt_at: at,
    last_error: error,
    reason,
    flagged,
  });
  const line = { ...lineOf(target, answer), reason, error, next_attempt_at: at };
  told(ctx, target, answer, 'retry', () => ctx.log.warn(line, 'A webhook was not delivered and is tried again.'));
  return written;
}

/** The end, until someone replays it. `answer`: of the last attempt, where there was one just now. */
export async function deadLetter(
  ctx: TenantContext,
  target: Target,
  { reason, error, flagged }: Failure,
  answer?: Answer,
): Promise<void> {
  const now = timestamp(ctx);
  const written = await write(ctx, target, {
    ...(answer && seen(target, answer)),
    status: 'dead_letter',
    next_attempt_at: null,
    last_error: error,
    reason,
    flagged,
    dead_lettered_at: now,
  });
  if (!written) return;
  const attempts = target.attempt_count + (answer ? 1 : 0);
  raise(ctx, target, { reason, last_error: error, attempt_count: attempts, response_code: answer?.status || null });
  const line = { ...lineOf(target, answer), reason, error, attempts };
  told(ctx, target, answer, 'dead_letter', () => {
    metrics.deadLetters.inc({ endpoint_id: target.endpoint_id });
    ctx.log.error(line, 'A webhook was given up. `assetra deadletter replay` sends it again.');
  });
}

/** Of the news that a delivery died there is no such news, or an endpoint that waits for it would never come to rest. */
function raise(ctx: TenantContext, target: Target, news: object): void {
  const { id, endpoint_id, name, event_name } = target;
  changes.append(ctx, { entity: 'webhook_delivery', entity_id: id, op: 'update', fields: ['status'] });
  if (event_name === 'webhook.dead_lettered') return;
  const data = {
    id,
    endpoint: endpoint_id,
    endpoint_name: name,
    event_name,
    ...news,
    dead_lettered_at: timestamp(ctx),
  };
  outbox.append(ctx, { name: 'webhook.dead_lettered', entity: 'webhook_delivery', entity_id: id, data });
}

/** No URL and no body: both may hold what is nobody's business. */
const lineOf = (target: Target, answer?: Answer) => ({
  tenant_id: target.tenant_id,
  endpoint_id: target.endpoint_id,
  delivery_id: target.id,
  event: target.event_name,
  ...(answer && { attempt: target.attempt_count + 1, status_code: answer.status || undefined, duration_ms: answer.ms }),
});

function told(ctx: TenantContext, target: Target, answer: Answer | undefined, status: string, log: () => void): void {
  ctx.db.afterCommit(() => {
    const { endpoint_id } = target;
    metrics.deliveries.inc({ endpoint_id, status });
    if (answer) metrics.deliveryDuration.observe({ endpoint_id }, answer.ms / 1_000);
    log();
  });
}
