/** When a chain is signed, and when it is not. */
import { AppError } from '../../base/errors.ts';
import { type Context, type Tenant, type TenantContext, timestamp } from '../../db/context.ts';
import * as changes from '../../queue/changes.ts';
import { type Head, headOf } from '../../queue/heads.ts';
import { genesis } from '../../queue/seals.ts';
import { listTenants } from '../accounts/service.ts';
import type { BadRecord } from './chain.ts';
import { append, type Checkpoint, isGenuine, read, type Statement, signed, type Witness } from './checkpoints.ts';
import { type Verdict, verify } from './verify.ts';

/**
 * Signs where every tenant's chain stands, after checking what came since the last checkpoint. A chain that does not hold
 * gets none: answers what is wrong with it.
 */
export async function checkpoint(ctx: Context, witness: Witness): Promise<Verdict[]> {
  const all = read(witness.path);
  const lines: Checkpoint[] = [];
  const faulty: Verdict[] = [];
  for (const tenant of await listTenants(ctx)) {
    const own = all.filter((line) => line.tenant === tenant.id);
    const verdict = await unlessUnreadable(tenant, () => look({ ...ctx, tenant }, witness, own));
    if (verdict?.first_bad) faulty.push(verdict);
    else if (verdict) lines.push(statement(ctx, tenant, verdict, verdict.epoch, witness, 'checkpoint'));
  }
  if (lines.length > 0) append(witness.path, lines);
  for (const line of lines) ctx.log.info({ checkpoint: line, tenant_id: String(line.tenant) }, 'audit checkpoint');
  return faulty;
}

type Look = Verdict & { epoch: string };

/** The verdict over what is new; undefined when nothing is. */
async function look(ctx: TenantContext, witness: Witness, own: Checkpoint[]): Promise<Look | undefined> {
  await changes.catchUp(ctx);
  const head = await headOf(ctx.db, ctx.tenant.id);
  const last = own.at(-1);
  const epoch = head?.epoch ?? '';
  const forged = own.find((line) => !isGenuine(line, witness.privateKey));
  if (forged) return refused(ctx.tenant, `The checkpoint of ${forged.at} was not signed by the key of this site.`);
  if (last && head && last.epoch !== epoch)
    return refused(
      ctx.tenant,
      `The checkpoint of ${last.at} is of another copy of this database, or of before a restore.`,
    );
  if (isKnown(head, last)) return undefined;
  const evidence = { checkpoints: last ? [last] : [], key: witness.privateKey };
  return { ...(await verify(ctx, evidence, { from: Math.max(1, last?.sequence ?? 1) })), epoch };
}

const isKnown = (head: Head | undefined, last: Checkpoint | undefined): boolean =>
  (head?.seal_seq ?? 0) === (last?.sequence ?? 0) && (head?.seal_hash ?? genesis) === (last?.seal ?? genesis);

/** One tenant whose rows make the database stumble must not keep the others from being signed. */
async function unlessUnreadable(tenant: Tenant, work: () => Promise<Look | undefined>): Promise<Look | undefined> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof AppError) throw error;
    return refused(tenant, `The history cannot be read: ${(error as Error).message}.`);
  }
}

function refused({ id: tenant, slug }: Tenant, message: string): Look {
  const first_bad: BadRecord = { id: null, sequence: null, kind: 'checkpoint', message };
  return { tenant, slug, records: 0, sequence: 0, seal: genesis, checkpoints: 0, first_bad, notes: [], epoch: '' };
}

/** Says, signed, that a restore set every chain to where it stands now; that of a tenant it did not bring back is none. */
export async function noteRestore(ctx: Context, witness: Witness): Promise<void> {
  const tenants = await listTenants(ctx);
  const lines: Checkpoint[] = [];
  for (const tenant of tenants) {
    const head = await headOf(ctx.db, tenant.id);
    const at = { sequence: head?.seal_seq ?? 0, seal: head?.seal_hash ?? genesis };
    lines.push(statement(ctx, tenant, at, head?.epoch ?? '', witness, 'restore'));
  }
  const gone = new Map(read(witness.path).map((line) => [line.tenant, line.slug]));
  for (const { id } of tenants) gone.delete(id);
  for (const [id, slug] of gone)
    lines.push(statement(ctx, { id, slug }, { sequence: 0, seal: genesis }, '', witness, 'restore'));
  append(witness.path, lines);
}

const statement = (
  ctx: Context,
  { id: tenant, slug }: Pick<Tenant, 'id' | 'slug'>,
  { sequence, seal }: Pick<Verdict, 'sequence' | 'seal'>,
  epoch: string,
  { privateKey }: Witness,
  kind: Statement['kind'],
): Checkpoint => signed({ version: 1, kind, tenant, slug, sequence, seal, epoch, at: timestamp(ctx) }, privateKey);
