/** How a printer stands, in its row: for screens, and for whoever is to go there. */
import { type TenantContext, timestamp } from '../../db/context.ts';
import { type Reason, sentenceOf } from '../../devices/printers/printer.ts';
import * as store from '../../resource/store.ts';
import * as outbox from '../outbox/service.ts';
import { type PrinterRow, printers, printJobs } from './resource.ts';

/** Nobody is called for what clears itself within so many ms. */
const grace = 5_000;

/** Notes that the printer cannot print and why; after a while `printer.attention` is raised, once for each time. */
export async function block(
  tx: TenantContext,
  printer: PrinterRow,
  printJob: number,
  reason: Reason,
): Promise<PrinterRow> {
  if (!isNews(printer, reason, tx.now())) return printer;
  const now = timestamp(tx);
  const since = (printer.state === 'blocked' && printer.blocked_at) || now;
  const call = isToCall(printer, tx.now());
  await tx.db.execute(
    "UPDATE print_jobs SET state = 'blocked', updated_at = ? WHERE id = ? AND state IN ('queued', 'printing')",
    [now, printJob],
  );
  const row = await store.update(tx, printers, printer, {
    state: 'blocked',
    reason,
    message: sentenceOf(reason),
    blocked_at: since,
    ...(call && { attention_at: now }),
  });
  if (call) await tellAttention(tx, row, printJob);
  return row;
}

/** Whether `block` would write anything down. */
export const isNews = (printer: PrinterRow, reason: Reason, now: Date): boolean =>
  printer.state !== 'blocked' || printer.reason !== reason || isToCall(printer, now);

/** A clock that was set back must not keep anybody waiting. */
const isToCall = ({ state, blocked_at, attention_at }: PrinterRow, now: Date): boolean =>
  state === 'blocked' &&
  attention_at === null &&
  blocked_at !== null &&
  Math.abs(now.getTime() - Date.parse(blocked_at)) >= grace;

/** It prints. */
export async function clear(tx: TenantContext, printer: PrinterRow, printJob: number): Promise<PrinterRow> {
  await tx.db.execute(
    "UPDATE print_jobs SET state = 'printing', updated_at = ? WHERE id = ? AND state IN ('queued', 'blocked')",
    [timestamp(tx), printJob],
  );
  return printer.state === 'printing' ? printer : store.update(tx, printers, printer, { ...calm, state: 'printing' });
}

/** It has nothing to do. */
export const rest = (tx: TenantContext, printer: PrinterRow): Promise<PrinterRow> =>
  store.update(tx, printers, printer, { ...calm, state: 'ready' });

const calm = { reason: '', message: '', blocked_at: null, attention_at: null };

export async function tellAttention(tx: TenantContext, printer: PrinterRow, printJob: number): Promise<void> {
  const print_job = await store.get(tx, printJobs, printJob);
  outbox.append(tx, {
    name: 'printer.attention',
    entity: printers.entity,
    entity_id: printer.id,
    data: { ...printer, print_job },
  });
}
