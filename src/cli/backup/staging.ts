/** A folder for drafts, for its owner alone, which is gone whatever comes: also when the command is broken off. */
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '../../base/errors.ts';

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Below `parent`, so that what is finished is only renamed. `signal` is aborted when someone stops the command. */
export async function withStaging<T>(
  parent: string,
  work: (folder: string, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(parent, '.assetra-draft-'));
  const control = new AbortController();
  const stop = () => control.abort();
  for (const name of signals) process.on(name, stop);
  try {
    return await work(folder, control.signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ABORT_ERR' || (error as Error).name === 'AbortError')
      throw new AppError('stopped', 500, 'The command was stopped before its end. Nothing of it is left.', {
        cause: error,
      });
    throw error;
  } finally {
    for (const name of signals) process.off(name, stop);
    rmSync(folder, { recursive: true, force: true });
  }
}
