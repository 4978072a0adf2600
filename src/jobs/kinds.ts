/** Every kind of job, and what the clock starts. */
import type { Context } from '../db/context.ts';
import { printing } from '../domain/printers/service.ts';
import type { AnyKind, Schedule } from '../queue/kind.ts';
import { clean, cleaning } from './clean.ts';

export const kinds = (changeDays: number): AnyKind[] => [clean(changeDays), printing];

/** Asked for again and again, as some are a tenant's own. */
export async function schedules(_ctx: Context): Promise<Schedule[]> {
  return [cleaning];
}
