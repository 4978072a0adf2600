/** Runs of workflows that ended long ago; what they did is in the history of the assets. */
import type { Db } from '../../db/database.ts';
import { pruneRows } from '../../db/prune.ts';

/** Deletes the runs that ended before that moment. */
export const pruneRuns = (db: Db, before: string): Promise<void> =>
  pruneRows(db, 'workflow_runs', 'completed_at < ?', [before]);
