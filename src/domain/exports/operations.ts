/** Exports in the API: asked for, looked at, fetched, cancelled, deleted. */
import { createReadStream } from 'node:fs';
import { Conflict, Forbidden, NotFound } from '../../base/errors.ts';
import { type Context, type TenantContext, timestamp } from '../../db/context.ts';
import { UniqueViolation } from '../../db/errors.ts';
import { listOf as valuesOf } from '../../db/lists.ts';
import * as jobs from '../../queue/jobs.ts';
import * as lanes from '../../queue/lanes.ts';
import { list, type Page, parseListQuery, type QueryText } from '../../resource/pages.ts';
import { parse } from '../../resource/parse.ts';
import type { Area } from '../../resource/roles.ts';
import { guarded, idOf, type Operation, type StoredFile, serve } from '../../resource/serve.ts';
import * as store from '../../resource/store.ts';
import * as files from './files.ts';
import { fileName, forgetLater, isOpen } from './job.ts';
import { areasOf, check, listOf } from './lists.ts';
import { type ExportRow, exportFiles } from './resource.ts';
import { writers } from './writers.ts';

/** Of one tenant, written at once. */
const atOnce = 2;
/** Of one tenant, waiting or being written. */
const mostOpen = 20;

const served = serve(exportFiles, { remove }, ['list', 'get', 'create', 'remove']);

/** `lists` are the operations whose pages can be exported. */
export function exportOperations(lists: readonly Operation[]): Operation[] {
  const own = (method: string, kind: string) =>
    served.operations.find((operation) => operation.method === method && operation.kind === kind)!;
  const create = own('POST', 'row');
  Object.assign(create, { summary: 'Write a list to a file, by a job', status: 202 });
  create.run = (ctx, { body }) => begin(ctx, lists, body);
  own('GET', 'page').run = (ctx, { query }) => listed(ctx, query);
  own('GET', 'row').run = (ctx, input) => guarded(ctx, 'exports', 'view', (inside) => seen(inside, idOf(input)));
  const base = { tag: exportFiles.path, area: 'exports', status: 200 } as const;
  return [
    ...served.operations,
    {
      ...base,
      id: 'exports.file',
      method: 'GET',
      path: 'exports/:id/file',
      summary: 'The file of an export; takes a Range',
      action: 'view',
      kind: 'file',
      alsoAnswers: { status: 206, about: 'The bytes of the Range' },
      fileTypes: Object.values(writers).map(({ type }) => type.split(';')[0]!),
      run: (ctx, input) => guarded(ctx, 'exports', 'view', (inside) => fileOf(inside, idOf(input))),
    },
    {
      ...base,
      id: 'exports.cancel',
      method: 'POST',
      path: 'exports/:id/cancel',
      summary: 'Cancel an export that is not done',
      action: 'change',
      kind: 'row',
      resource: exportFiles,
      answer: exportFiles.read,
      run: (ctx, input) => guarded(ctx, 'exports', 'change', (inside) => cancel(inside, idOf(input))),
    },
  ];
}

/** Asked for outside the transaction: a search may look at a million rows for its first. */
async function begin(ctx: Context, lists: readonly Operation[], body: unknown): Promise<ExportRow> {
  const asked = await guarded(ctx, 'exports', 'view', async (inside) => {
    const wanted = parse(exportFiles.fields, body);
    const found = listOf(lists, wanted.resource);
    await check(inside, found, wanted);
    return { wanted: { ...wanted, resource: found.path }, area: found.operation.area };
  });
  const folder = files.folderName(ctx);
  return guarded(ctx, 'exports', 'create', (tx) => enter(tx, asked.wanted, asked.area, folder));
}

type Values = Pick<ExportRow, 'resource' | 'format' | 'filters' | 'ordering' | 'columns'>;

async function enter(tx: TenantContext, values: Values, area: Area, folder: string): Promise<ExportRow> {
  const { actor, tenant } = tx;
  const sql = "SELECT COUNT(*) AS open FROM exports WHERE tenant_id = ? AND status IN ('pending', 'running')";
  const [open] = await tx.db.query<{ open: number }>(sql, [tenant.id]);
  if (Number(open!.open) >= mostOpen)
    throw new Conflict(`${mostOpen} exports wait or are being written. Wait for them, or cancel some.`);
  const made = {
    ...values,
    status: 'pending',
    progress: 0,
    rows: 0,
    size: 0,
    error: '',
    requested_by: actor.kind === 'user' ? actor.id : null,
    requested_by_label: actor.label.slice(0, 200),
    finished_at: null,
    expires_at: null,
    url: null,
  } as const;
  const hidden = { area, folder, run: '', actor: JSON.stringify(actor), job_id: null };
  const row = await store.insert(tx, exportFiles, made, hidden);
  const lane = await laneOf(tx);
  const payload = { export: row.id };
  const job = await jobs.start(tx, { kind: 'export.write', queue: 'exports', tenant: tenant.id, lane, payload });
  await tx.db.execute('UPDATE exports SET job_id = ? WHERE id = ?', [job.id, row.id]);
  return row;
}

/** The tenant's lane, made with its first export. */
async function laneOf(tx: TenantContext): Promise<number> {
  const known = async () => {
    const sql = 'SELECT lane_id FROM export_lanes WHERE tenant_id = ?';
    return (await tx.db.query<{ lane_id: number }>(sql, [tx.tenant.id]))[0]?.lane_id;
  };
  const lane = await known();
  if (lane !== undefined) return lane;
  const now = timestamp(tx);
  try {
    return await tx.db.savepoint(async () => {
      const lane_id = await lanes.make(tx, 'exports', { max_in_flight: atOnce });
      const sql = 'INSERT INTO export_lanes (tenant_id, lane_id, created_at, updated_at) VALUES (?, ?, ?, ?)';
      await tx.db.execute(sql, [tx.tenant.id, lane_id, now, now]);
      return lane_id;
    });
  } catch (error) {
    if (!(error instanceof UniqueViolation)) throw error;
    return (await known())!;
  }
}

/** Only of lists that the caller may see. */
const listed = (ctx: Context, query: QueryText): Promise<Page<ExportRow>> =>
  guarded(ctx, 'exports', 'view', (inside) => {
    const { marks, params } = valuesOf(areasOf(inside.actor));
    return list(inside, exportFiles, parseListQuery(exportFiles, query), [{ text: `area IN ${marks}`, params }]);
  });

async function seen(ctx: TenantContext, id: number, lock = false): Promise<ExportRow> {
  const row = await store.get(ctx, exportFiles, id, lock);
  await mustSee(ctx, row);
  return row;
}

async function mustSee(ctx: TenantContext, { id }: ExportRow): Promise<void> {
  const [hidden] = await ctx.db.query<{ area: Area }>('SELECT area FROM exports WHERE id = ?', [id]);
  if (!areasOf(ctx.actor).includes(hidden!.area)) throw new Forbidden();
}

/** One's own, or any for an admin: others may be waiting for it. */
function mustOwn({ actor }: TenantContext, row: ExportRow): void {
  const own = row.requested_by_label === actor.label;
  if (!own && actor.role !== 'admin' && !actor.superuser)
    throw new Forbidden(`This export is ${row.requested_by_label}'s. Ask them, or an admin.`);
}

async function cancel(tx: TenantContext, id: number): Promise<ExportRow> {
  const row = await seen(tx, id, true);
  mustOwn(tx, row);
  if (row.status === 'cancelled') return row;
  if (!isOpen(row)) throw new Conflict(`The export is ${row.status} already. DELETE removes it and its file.`);
  await stop(tx, id);
  return store.update(tx, exportFiles, row, { status: 'cancelled', finished_at: timestamp(tx) });
}

async function remove(tx: TenantContext, row: ExportRow): Promise<void> {
  await mustSee(tx, row);
  mustOwn(tx, row);
  await stop(tx, row.id);
  await store.remove(tx, exportFiles, row.id);
}

/** Whoever writes it notices within a second; what there is of the file goes at once. */
async function stop(tx: TenantContext, id: number): Promise<void> {
  const [row] = await tx.db.query<{ job_id: number | null }>('SELECT job_id FROM exports WHERE id = ?', [id]);
  if (row?.job_id) await jobs.cancel(tx, row.job_id);
  forgetLater(tx, id);
}

async function fileOf(ctx: TenantContext, id: number): Promise<StoredFile> {
  const row = await seen(ctx, id);
  if (row.status !== 'done') throw new Conflict(notReady(row));
  if (row.expires_at !== null && row.expires_at < timestamp(ctx))
    throw new NotFound('The file has expired. Export again.');
  const [hidden] = await ctx.db.query<{ run: string; folder: string }>('SELECT run, folder FROM exports WHERE id = ?', [
    id,
  ]);
  const { run, folder } = hidden!;
  const file = await files.find(ctx, fileName(row, run));
  if (!file && folder !== files.folderName(ctx))
    throw new Conflict(
      `The file lies in the folder ${folder} of another machine. Ask its daemon, or share files/exports.`,
    );
  if (!file) throw new NotFound('The file is gone. Export again.');
  return {
    type: writers[row.format].type,
    name: `${row.resource.replaceAll('/', '-')}-${id}.${row.format}`,
    size: file.size,
    tag: run,
    open: (start, end) => createReadStream(file.path, { start, end }),
  };
}

function notReady({ status, progress, error }: ExportRow): string {
  if (status === 'failed') return `The export failed: ${error}`;
  if (status === 'cancelled') return 'The export was cancelled. Export again.';
  return `The export is being written (${progress} %). Ask again in a moment.`;
}
