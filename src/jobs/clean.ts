/** Rows that have had their time. */
import type { Config } from '../base/config.ts';
import * as accounts from '../domain/accounts/service.ts';
import * as exports from '../domain/exports/service.ts';
import * as printers from '../domain/printers/service.ts';
import * as sync from '../domain/sync/service.ts';
import * as webhooks from '../domain/webhooks/service.ts';
import * as workflows from '../domain/workflows/service.ts';
import type { JobKind, Schedule } from '../queue/kind.ts';
import { pruneChanges } from '../queue/retention.ts';
import { prune } from '../queue/runners.ts';

const day = 86_400_000;
/** Finished jobs and dead ones are kept so long, in days. */
const jobDays = 30;
/** Runs of workflows, in days. */
const runDays = 90;

export const cleaning: Schedule = {
  task: 'site.clean',
  cron: '15 * * * *',
  timezone: 'UTC',
  job: { kind: 'site.clean', queue: 'system', payload: {}, unique: 'site.clean' },
};

/** How many days of each are kept. */
export type Kept = Pick<Config, 'changeDays' | 'exportDays' | 'printDays'> & {
  webhooks: Pick<Config['webhooks'], 'deliveryDays'>;
};

/** In transactions of its own, as it may be much. */
export const clean = ({ changeDays, exportDays, printDays, webhooks: { deliveryDays } }: Kept): JobKind => ({
  kind: 'site.clean',
  queue: 'system',
  async perform(ctx) {
    const before = (days: number) => new Date(ctx.now().getTime() - days * day);
    await accounts.purgeExpired(ctx);
    await pruneChanges(ctx.db, before(changeDays));
    await sync.pruneEdits(ctx.db, before(changeDays));
    await prune(ctx.db, before(jobDays).toISOString());
    await webhooks.prune(ctx.db, before(deliveryDays).toISOString());
    await printers.prune(ctx.db, before(printDays).toISOString());
    await workflows.pruneRuns(ctx.db, before(runDays).toISOString());
    await exports.prune(ctx.db, ctx.now().toISOString(), before(exportDays).toISOString());
    await exports.sweep(ctx);
  },
  async settle() {
    return undefined;
  },
});
