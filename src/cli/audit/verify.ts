import { AppError, ConfigError } from '../../base/errors.ts';
import type { TenantContext } from '../../db/context.ts';
import type { Verdict } from '../../domain/audit/service.ts';
import type { GlobalFlags, Run } from '../command.ts';
import { table } from '../output.ts';
import { startProgress } from '../progress.ts';
import { type Site, withSite } from '../site.ts';
import { tenantsOf } from './tenants.ts';

interface Flags extends GlobalFlags {
  tenant?: string;
  from?: number;
  checkpoint?: string;
  key?: string;
}

export const run: Run<Flags> = async ({ flags, out }) => {
  if (flags.from !== undefined && flags.tenant === undefined) throw new ConfigError('--from goes with --tenant.');
  if (flags.from === 0) throw new ConfigError('--from counts from 1.');
  const verdicts = await withSite(flags, (site) => verifyAll(site, flags)).catch(unreadable);
  const bad = verdicts.find(({ first_bad }) => first_bad !== null);
  const document = {
    ok: bad === undefined,
    first_bad: bad ? { tenant: bad.tenant, ...bad.first_bad } : null,
    tenants: verdicts,
  };
  out.result(document, () => report(verdicts));
  return bad ? 1 : undefined;
};

/** Whatever keeps it from being read is exit code 2: 1 says that it was read and is wrong. */
function unreadable(error: unknown): never {
  if (error instanceof ConfigError) throw error;
  const reason = error instanceof AppError ? error.message : `The history cannot be read: ${(error as Error).message}.`;
  throw new ConfigError(reason, { cause: error });
}

async function verifyAll(site: Site, flags: Flags): Promise<Verdict[]> {
  const audit = await import('../../domain/audit/service.ts');
  const { dir } = site.config;
  if (flags.checkpoint !== undefined) requireFile(flags.checkpoint, audit.readCheckpoints(flags.checkpoint).length);
  const evidence = {
    checkpoints: audit.readCheckpoints(flags.checkpoint ?? audit.checkpointFile(dir)),
    key: audit.publicKeyOf(dir, flags.key),
  };
  const verdicts: Verdict[] = [];
  for (const ctx of await tenantsOf(site, flags.tenant)) verdicts.push(await verifyOne(ctx, evidence, flags.from));
  return verdicts;
}

/** No checkpoint where some were promised would pass for a proof. */
function requireFile(path: string, lines: number): void {
  if (lines === 0) throw new ConfigError(`There is no checkpoint in ${path}. Name the file that has them.`);
}

type Evidence = Parameters<typeof import('../../domain/audit/service.ts').verify>[1];

async function verifyOne(ctx: TenantContext, evidence: Evidence, from: number | undefined): Promise<Verdict> {
  const audit = await import('../../domain/audit/service.ts');
  let progress: ReturnType<typeof startProgress> | undefined;
  const onProgress = (done: number, total: number) => {
    // A short history is checked before anyone could read a bar.
    if (total < 20_000) return;
    progress ??= startProgress(`History of ${ctx.tenant.slug}`, total);
    progress.then((bar) => bar.update(done));
  };
  try {
    return await audit.verify(ctx, evidence, { from, onProgress });
  } finally {
    (await progress)?.stop();
  }
}

function report(verdicts: readonly Verdict[]): string {
  const rows = verdicts.map(({ slug, records, checkpoints, first_bad }) => [
    slug,
    records,
    checkpoints,
    first_bad ? first_bad.kind : 'ok',
  ]);
  const remarks = verdicts.flatMap(({ slug, first_bad, checkpoints, records, notes }) => [
    ...(first_bad ? [`${slug}: ${first_bad.message}`] : []),
    ...notes.map((note) => `${slug}: ${note}`),
    ...(checkpoints === 0 && records > 0
      ? [`${slug}: no checkpoint yet, so a cut end or a rewrite would not show.`]
      : []),
  ]);
  return [table(['TENANT', 'RECORDS', 'CHECKPOINTS', 'RESULT'], rows), ...remarks].join('\n');
}
