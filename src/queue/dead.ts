/** Jobs that were given up, until someone has them tried again or forgets them. */
import { type Context, type TenantContext, timestamp } from '../db/context.ts';
import type { Value } from '../db/dialect.ts';
import { listOf } from '../db/lists.ts';
import { wake } from './wake.ts';

export interface DeadJob {
  id: number;
  tenant_id: number | null;
  kind: string;
  payload: unknown;
  last_error: string;
  attempts: number;
  created_at: string;
  finished_at: string | null;
}

/** Newest first; those of the context's tenant where it has one. */
export async function list(
  ctx: Context,
  only: { ids?: readonly number[]; since?: string },
  limit: number,
): Promise<DeadJob[]> {
  if (only.ids?.length === 0) return [];
  const { marks, params: ids } = listOf(only.ids ?? []);
  const parts: [string, Value[]][] = [
    ["state = 'dead'", []],
    ...(ctx.tenant ? [['tenant_id = ?', [ctx.tenant.id]] as [string, Value[]]] : []),
    ...(only.since === undefined ? [] : [['finished_at >= ?', [only.since]] as [string, Value[]]]),
    ...(only.ids ? [[`id IN ${marks}`, ids] as [string, Value[]]] : []),
  ];
  const sql =
    'SELECT id, tenant_id, kind, payload, last_error, attempts, created_at, finished_at FROM jobs ' +
    `WHERE ${parts.map(([text]) => text).join(' AND ')} ORDER BY id DESC LIMIT ?`;
  const rows = await ctx.db.query<DeadJob & { payload: string }>(sql, [
    ...parts.flatMap(([, params]) => params),
    limit,
  ]);
  return rows.map((row) => ({ ...row, payload: JSON.parse(row.payload) }));
}

/** How many the context's tenant has. */
export async function count({ db, tenant }: TenantContext): Promise<number> {
  const sql = "SELECT COUNT(*) AS dead FROM jobs WHERE state = 'dead' AND tenant_id = ?";
  return Number((await db.query<{ dead: number }>(sql, [tenant.id]))[0]!.dead);
}

/** Ready again, as if never tried; answers how many were. */
export async function replay(ctx: Context, ids: readonly number[]): Promise<number> {
  const { marks, params } = listOf(ids);
  const sql =
    "UPDATE jobs SET state = 'ready', run_at = 0, attempts = 0, crashes = 0, last_error = '', finished_at = NULL, " +
    `updated_at = ? WHERE state = 'dead' AND id IN ${marks}`;
  ctx.db.afterCommit(wake);
  return ctx.db.execute(sql, [timestamp(ctx), ...params]);
}

export async function purge(ctx: Context, ids: readonly number[]): Promise<number> {
  const { marks, params } = listOf(ids);
  return ctx.db.execute(`DELETE FROM jobs WHERE state = 'dead' AND id IN ${marks}`, params);
}
