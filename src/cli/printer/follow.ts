/** A print job as whoever asked for it at a shell follows it. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { TenantContext } from '../../db/context.ts';
import type { PrintJobRow } from '../../domain/printers/service.ts';
import type { Output } from '../output.ts';
import { startProgress } from '../progress.ts';
import { signalled } from '../signal.ts';
import type { Site } from '../site.ts';

const open = ['queued', 'printing', 'blocked'];
const pause = 250;

/** Tells what became of it: at once, or once it is through. Exits 1 when labels are in doubt or were not printed. */
export async function followed(
  site: Site,
  ctx: TenantContext,
  job: PrintJobRow,
  wait: boolean,
  out: Output,
): Promise<number | undefined> {
  if (!wait) {
    const labels = job.total === 1 ? '1 label' : `${job.total} labels`;
    out.result(
      documentOf(job),
      () => `Print job ${job.id}: ${labels} for a running daemon or \`assetra work\` to print.`,
    );
    return undefined;
  }
  const ended = await withRunner(site, ctx, out, () => untilThrough(ctx, job, out));
  out.result(documentOf(ended), () => told(ended));
  return ended.state === 'done' ? undefined : 1;
}

const documentOf = ({ id, printer, batch, state, total, progress }: PrintJobRow) => ({
  print_job_id: id,
  printer_id: printer,
  batch_id: batch,
  state,
  labels: total,
  ...progress,
});

function told({ id, state, progress }: PrintJobRow): string {
  const { confirmed = 0, sent = 0, unknown = 0, failed = 0 } = progress as Record<string, number>;
  const parts = [
    `${confirmed} printed`,
    sent > 0 && `${sent} sent to a printer that does not answer`,
    unknown > 0 && `${unknown} in doubt: look which came out, then \`assetra printer resume\` or \`cancel\``,
    failed > 0 && `${failed} not printed`,
  ].filter(Boolean);
  return `Print job ${id} is ${open.includes(state) ? `still ${state}` : state}: ${parts.join(', ')}.`;
}

async function untilThrough(ctx: TenantContext, job: PrintJobRow, out: Output): Promise<PrintJobRow> {
  const printers = await import('../../domain/printers/service.ts');
  const progress = await startProgress('Labels', job.total);
  let interrupted = false;
  void signalled().then(() => {
    interrupted = true;
  });
  try {
    for (let said = ''; ; await sleep(pause)) {
      const row = await printers.servedJobs.get(ctx, job.id);
      const { confirmed = 0, sent = 0 } = row.progress as Record<string, number>;
      progress.update(confirmed + sent);
      if (!open.includes(row.state) || interrupted) return row;
      const { message } = await printers.served.get(ctx, job.printer);
      if (row.state === 'blocked' && message !== said) out.note(message);
      said = row.state === 'blocked' ? message : '';
    }
  } finally {
    progress.stop();
  }
}

/** Where nobody else is there to print, this process is. */
async function withRunner<T>(site: Site, ctx: TenantContext, out: Output, work: () => Promise<T>): Promise<T> {
  const { isServed } = await import('../../queue/runners.ts');
  if (await isServed(site.database, 'labels')) return work();
  out.note('No daemon is there that prints; this command prints by itself.');
  const { workforceOf } = await import('../workforce.ts');
  const workforce = workforceOf(site.config, site.database, { ...ctx, tenant: null }, ctx.log, ['labels']);
  await workforce.start();
  try {
    return await work();
  } finally {
    await workforce.stop();
  }
}
