import { copyFileSync, createWriteStream, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { packageRoot } from '../../base/paths.ts';
import type { TenantContext } from '../../db/context.ts';
import type { GlobalFlags, Run } from '../command.ts';
import { type Site, withSite } from '../site.ts';
import { unwritable } from '../unwritable.ts';
import { tenantsOf } from './tenants.ts';

interface Flags extends GlobalFlags {
  tenant?: string;
  out?: string;
}

interface Exported {
  id: number;
  slug: string;
  name: string;
  file: string;
  records: number;
}

export const run: Run<Flags> = ({ flags, out }) =>
  withSite(flags, async (site) => {
    const target = resolve(flags.out ?? `audit-${new Date().toISOString().slice(0, 10)}.tar.gz`);
    const tenants = await writeBundle(site, await tenantsOf(site, flags.tenant), target);
    const records = tenants.reduce((sum, tenant) => sum + tenant.records, 0);
    out.result({ file: target, records, tenants }, () => `Wrote ${records} records to ${target}.`);
    return undefined;
  });

/** The file appears whole or not at all. */
async function writeBundle(site: Site, contexts: TenantContext[], target: string): Promise<Exported[]> {
  const folder = mkdtempSync(join(tmpdir(), 'assetra-audit-'));
  const draft = `${target}.part`;
  try {
    const tenants: Exported[] = [];
    // Before the records: what is signed meanwhile may be ahead of them.
    const proof = await addCheckpoints(site, folder, contexts);
    for (const ctx of contexts) tenants.push(await exportTenant(ctx, folder));
    const names = [...tenants.map(({ file }) => file), ...proof, ...addVerifier(site, folder, tenants)];
    const tar = await import('tar');
    await pipeline(
      tar.create({ gzip: true, cwd: folder, portable: true }, names),
      createWriteStream(draft, { mode: 0o600 }),
    );
    renameSync(draft, target);
    return tenants;
  } catch (error) {
    rmSync(draft, { force: true });
    throw unwritable(error, target, '--out');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function exportTenant(ctx: TenantContext, folder: string): Promise<Exported> {
  const audit = await import('../../domain/audit/service.ts');
  const { id, slug, name } = ctx.tenant;
  const file = `history-${slug}.jsonl`;
  let records = 0;
  async function* counted() {
    for await (const lines of audit.linesOf(ctx)) {
      records += lines.split('\n').length - 1;
      yield lines;
    }
  }
  await pipeline(Readable.from(counted()), createWriteStream(join(folder, file)));
  return { id, slug, name, file, records };
}

async function addCheckpoints({ config }: Site, folder: string, contexts: TenantContext[]): Promise<string[]> {
  const audit = await import('../../domain/audit/service.ts');
  const lines = audit.readCheckpoints(audit.openWitness(config.dir).path);
  const own = lines.filter((line) => contexts.some(({ tenant }) => tenant.id === line.tenant));
  writeFileSync(join(folder, 'checkpoints.jsonl'), own.map((line) => `${JSON.stringify(line)}\n`).join(''));
  return ['checkpoints.jsonl'];
}

/** The program that checks the records, and what it needs to know. */
function addVerifier({ config }: Site, folder: string, tenants: Exported[]): string[] {
  const manifest = { format: 1, exported_at: new Date().toISOString(), tenants };
  writeFileSync(join(folder, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  copyFileSync(join(config.dir, 'keys', 'audit.pub'), join(folder, 'audit.pub'));
  copyFileSync(join(packageRoot, 'templates', 'audit', 'verify.mjs'), join(folder, 'verify.mjs'));
  return ['manifest.json', 'audit.pub', 'verify.mjs'];
}
