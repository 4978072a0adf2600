/** Every kind of job, and what the clock starts. */
import type { Config } from '../base/config.ts';
import type { Context } from '../db/context.ts';
import * as workflows from '../domain/workflows/service.ts';
import type { AnyKind, Schedule } from '../queue/kind.ts';
import { clean, cleaning } from './clean.ts';

export const kinds = ({ changeDays, workflowDepth }: Config): AnyKind[] => [
  clean(changeDays),
  ...workflows.workflowKinds({ maxDepth: workflowDepth }),
];

/** Asked for again and again, as some are a tenant's own. */
export const schedules = async (ctx: Context): Promise<Schedule[]> => [cleaning, ...(await workflows.schedules(ctx))];
