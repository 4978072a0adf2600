import { copyFileSync, createWriteStream, existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
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
    for (const ctx of contexts) tenants.push(await exportTenant(ctx, folder));
    const names = [...tenants.map(({ file }) => file), ...(await addProof(site, folder, tenants))];
    const tar = await import('tar');
    await pipeline(tar.create({ gzip: true, cwd: folder, portable: true }, names), createWriteStream(draft));
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

/** What the records are checked with: checkpoints, public key, and the program that does it. */
async function addProof({ config }: Site, folder: string, tenants: Exported[]): Promise<string[]> {
  const audit = await import('../../domain/audit/service.ts');
  const witness = audit.openWitness(config.dir);
  const manifest = { format: 1, exported_at: new Date().toISOString(), tenants };
  writeFileSync(join(folder, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  copyFileSync(join(config.dir, 'keys', 'audit.pub'), join(folder, 'audit.pub'));
  copyFileSync(join(packageRoot, 'templates', 'audit', 'verify.mjs'), join(folder, 'verify.mjs'));
  const names = ['manifest.json', 'audit.pub', 'verify.mjs'];
  if (!existsSync(witness.path)) return names;
  copyFileSync(witness.path, join(folder, 'checkpoints.jsonl'));
  return [...names, 'checkpoints.jsonl'];
}
