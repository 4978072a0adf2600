/** Every kind of job, and what the clock starts. */
import type { Config } from '../base/config.ts';
import type { Context } from '../db/context.ts';
import * as batches from '../domain/batches/service.ts';
import * as exports from '../domain/exports/service.ts';
import * as maintenance from '../domain/maintenance/service.ts';
import { printing } from '../domain/printers/service.ts';
import { operations } from '../domain/resources.ts';
import * as webhooks from '../domain/webhooks/service.ts';
import * as workflows from '../domain/workflows/service.ts';
import type { AnyKind, Schedule } from '../queue/kind.ts';
import { clean, cleaning } from './clean.ts';

/** `sender` is whose connections deliveries use; whoever made it closes it. */
export const kinds = (config: Config, sender: webhooks.Sender): AnyKind[] => [
  clean(config),
  batches.generating,
  exports.exporting({ operations, days: config.exportDays }),
  maintenance.due,
  printing,
  ...webhooks.kinds(sender, config.webhooks),
  ...workflows.workflowKinds({ maxDepth: config.workflowDepth }),
];

/** Asked for again and again, as some are a tenant's own. */
export const schedules = async (ctx: Context): Promise<Schedule[]> => [
  cleaning,
  maintenance.dueSchedule,
  ...(await workflows.schedules(ctx)),
];
