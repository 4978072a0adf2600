/** Every kind of job, and what the clock starts. */
import type { Context } from '../db/context.ts';
import * as batches from '../domain/batches/service.ts';
import * as maintenance from '../domain/maintenance/service.ts';
import type { AnyKind, Schedule } from '../queue/kind.ts';
import { clean, cleaning } from './clean.ts';

export const kinds = (changeDays: number): AnyKind[] => [clean(changeDays), batches.generating, maintenance.due];

/** Asked for again and again, as some are a tenant's own. */
export async function schedules(_ctx: Context): Promise<Schedule[]> {
  return [cleaning, maintenance.dueSchedule];
}
