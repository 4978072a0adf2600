/** The history before it is copied, and after it was put back: signed, and held against what was signed. */
import { existsSync, renameSync } from 'node:fs';
import type { Config } from '../../base/config.ts';
import { AppError } from '../../base/errors.ts';
import { Database } from '../../db/database.ts';
import { status } from '../../db/migrate.ts';
import * as accounts from '../../domain/accounts/service.ts';
import * as audit from '../../domain/audit/service.ts';
import type { Output } from '../output.ts';
import { type Site, siteOf } from '../site.ts';

/** Signs where every chain stands, so that the copy is there or ahead. The latest checkpoint of each tenant goes with it. */
export async function signHistory(config: Config, out: Output): Promise<audit.Checkpoint[]> {
  return withDatabase(config, async ({ database, ctx }) => {
    // What waits for `migrate` may have no chain yet; it is backed up all the same.
    if ((await status(database)).pending.length > 0) return [];
    const witness = audit.openWitness(config.dir);
    try {
      for (const { slug, first_bad } of await audit.checkpoint(ctx, witness))
        out.note(`The history of ${slug} is not what was written, and is backed up as it is. ${first_bad!.message}`);
    } catch (error) {
      // A backup of today is worth more than its signature.
      if (!isOfCheckpoints(error)) throw error;
      out.note(`The history is not signed in this backup. ${error.message}`);
      return [];
    }
    const lines = audit.readCheckpoints(witness.path);
    return [...new Map(lines.map((line) => [line.tenant, line])).values()];
  });
}

const isOfCheckpoints = (error: unknown): error is AppError => error instanceof AppError && error.code === 'checkpoint';

/**
 * Holds the restored history against its own chain and the checkpoints of the backup, then signs that the site was set back to
 * it. Answers what is wrong, a sentence for each tenant.
 */
export async function proveHistory(config: Config, checkpoints: audit.Checkpoint[], out: Output): Promise<string[]> {
  return withDatabase(config, async ({ ctx }) => {
    const witness = audit.openWitness(config.dir);
    setStrangersAside(witness, out);
    const key = audit.publicKeyOf(config.dir);
    const faults: string[] = [];
    for (const tenant of await accounts.listTenants(ctx)) {
      const { first_bad, slug } = await audit.verify({ ...ctx, tenant }, { checkpoints, key });
      if (first_bad) faults.push(`${slug}: ${first_bad.message}`);
    }
    await audit.noteRestore(ctx, witness);
    return faults;
  });
}

/** Checkpoints of another key, or none at all, prove nothing about this site and would accuse it for ever. */
function setStrangersAside(witness: audit.Witness, out: Output): void {
  if (!existsSync(witness.path) || areOwn(witness)) return;
  const aside = `${witness.path}.before-restore-${new Date().toISOString().replace(/[-:.]/g, '')}`;
  renameSync(witness.path, aside);
  out.note(`The checkpoints that were here are of another key, or damaged. They are in ${aside} now.`);
}

function areOwn({ path, privateKey }: audit.Witness): boolean {
  try {
    return audit.readCheckpoints(path).every((line) => audit.isGenuine(line, privateKey));
  } catch (error) {
    if (isOfCheckpoints(error)) return false;
    throw error;
  }
}

async function withDatabase<T>(config: Config, work: (site: Site) => Promise<T>): Promise<T> {
  const database = new Database({ ...config.database, patience: 3_600 });
  try {
    return await work(await siteOf(config, database));
  } finally {
    await database.close();
  }
}
