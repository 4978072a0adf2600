/** The kind of job that writes an export: from its first row to a whole file, begun anew by whoever takes it over. */
import { isRefusal } from '../../base/errors.ts';
import { newSecret } from '../../base/ids.ts';
import { type Actor, type Context, inTransaction, type TenantContext, timestamp } from '../../db/context.ts';
import type { Row } from '../../db/database.ts';
import type { Job, JobKind, Verdict } from '../../queue/kind.ts';
import type { Operation } from '../../resource/serve.ts';
import * as store from '../../resource/store.ts';
import { walk } from '../../resource/walk.ts';
import * as files from './files.ts';
import { countOf, fieldsOf, inputOf, type Listed, listOf } from './lists.ts';
import { type ExportRow, exportFiles } from './resource.ts';
import { writers } from './writers.ts';

export interface Payload {
  export: number;
}

export interface ExportSettings {
  /** Every operation of the API: what can be exported. */
  operations: readonly Operation[];
  /** How long a file is kept. */
  days: number;
}

type Outcome =
  | { kind: 'done'; run: string; rows: number; size: number }
  | { kind: 'failed'; run: string; reason: string }
  /** Its daemon keeps files in another folder. */
  | { kind: 'elsewhere'; folder: string }
  /** Cancelled, deleted, or begun by another runner too. */
  | { kind: 'through' };

/** Between two notes of how far it is, in ms; each also asks whether it is still wanted. */
const noteEvery = 500;
/** Between looks of runners that cannot reach its folder, in ms. */
const elsewherePause = 2_000;
/** So long one that can is waited for since it was first missed, in ms. */
const elsewherePatience = 3_600_000;
const day = 86_400_000;

export const exporting = (settings: ExportSettings): JobKind<Payload, Outcome> => ({
  kind: 'export.write',
  queue: 'exports',
  yields: true,
  perform: (ctx, job, signal) => perform(ctx as TenantContext, job, settings.operations, signal),
  settle: (ctx, job, outcome) => settle(ctx as TenantContext, job, outcome, settings.days),
  async gaveUp(ctx, { payload }, reason) {
    const row = await store.find(ctx, exportFiles, payload.export, true);
    if (row && isOpen(row)) await fail(ctx as TenantContext, row, `It was tried several times: ${reason}`);
    return { keep: false };
  },
});

export const isOpen = ({ status }: Pick<ExportRow, 'status'>): boolean => status === 'pending' || status === 'running';

interface Hidden {
  actor: string;
  folder: string;
}

async function perform(
  ctx: TenantContext,
  { payload }: Job<Payload>,
  operations: readonly Operation[],
  signal: AbortSignal,
): Promise<Outcome> {
  const row = await store.find(ctx, exportFiles, payload.export);
  if (!row || !isOpen(row)) return { kind: 'through' };
  const [hidden] = await ctx.db.query<Hidden & Row>('SELECT actor, folder FROM exports WHERE id = ?', [row.id]);
  if (files.folderName(ctx) !== hidden!.folder) return { kind: 'elsewhere', folder: hidden!.folder };
  const run = newSecret(12);
  // Of runners that died with it. What there is after `begin` may be that of a runner to which this one is late.
  const left = await files.namesOf(ctx, row.id);
  if (!(await begin(ctx, row.id, run))) return { kind: 'through' };
  await files.remove(ctx, left);
  // As whoever asked for it: what that one may not see is not written.
  const asked: TenantContext = { ...ctx, actor: JSON.parse(hidden!.actor) as Actor };
  return writeFile(asked, row, run, operations, signal);
}

/** From here on the export is this attempt's; an earlier one notices. */
async function begin(ctx: TenantContext, id: number, run: string): Promise<boolean> {
  const sql =
    "UPDATE exports SET status = 'running', run = ?, progress = 0, rows_ = 0, error = '', updated_at = ? " +
    "WHERE id = ? AND status IN ('pending', 'running')";
  return (await inTransaction(ctx, (tx) => tx.db.execute(sql, [run, timestamp(ctx), id]))) > 0;
}

class Unwanted extends Error {}

async function writeFile(
  ctx: TenantContext,
  row: ExportRow,
  run: string,
  operations: readonly Operation[],
  signal: AbortSignal,
): Promise<Outcome> {
  try {
    const listed = listOf(operations, row.resource);
    const { operation } = listed;
    const counted = new Count(ctx, row.id, run, signal);
    const pages = counted.through(walk(ctx, operation, inputOf(listed, row)), await totalOf(ctx, listed, row));
    const fields = row.columns.length > 0 ? row.columns : fieldsOf(operation);
    const parts = writers[row.format].write(fields, pages, row.columns.length > 0);
    const { size } = await files.write(ctx, fileName(row, run), parts, signal);
    return { kind: 'done', run, rows: counted.rows, size };
  } catch (error) {
    if (error instanceof Unwanted) return { kind: 'through' };
    signal.throwIfAborted();
    if (isRefusal(error) || error instanceof files.DiskRefusal) return { kind: 'failed', run, reason: error.message };
    throw error;
  }
}

const totalOf = (ctx: TenantContext, listed: Listed, row: ExportRow): Promise<number> =>
  countOf(ctx, listed, inputOf(listed, row));

export const fileName = ({ id, format }: Pick<ExportRow, 'id' | 'format'>, run: string): string =>
  `${id}-${run}.${format}`;

/** Counts the rows on their way, and tells the export's row now and then; throws Unwanted when that is no more to be written. */
class Count {
  rows = 0;
  #told = performance.now();
  readonly #ctx: TenantContext;
  readonly #id: number;
  readonly #run: string;
  readonly #signal: AbortSignal;

  constructor(ctx: TenantContext, id: number, run: string, signal: AbortSignal) {
    this.#ctx = ctx;
    this.#id = id;
    this.#run = run;
    this.#signal = signal;
  }

  async *through(pages: AsyncIterable<Row[]>, total: number): AsyncGenerator<Row[]> {
    for await (const page of pages) {
      this.#signal.throwIfAborted();
      this.rows += page.length;
      if (performance.now() - this.#told >= noteEvery) await this.#tell(total);
      yield page;
    }
  }

  async #tell(total: number): Promise<void> {
    const progress = Math.min(99, Math.floor((this.rows / Math.max(total, 1)) * 100));
    const sql = "UPDATE exports SET progress = ?, rows_ = ? WHERE id = ? AND run = ? AND status = 'running'";
    const params = [progress, this.rows, this.#id, this.#run];
    if ((await inTransaction(this.#ctx, (tx) => tx.db.execute(sql, params))) === 0) throw new Unwanted();
    this.#told = performance.now();
  }
}

async function settle(tx: TenantContext, { payload }: Job<Payload>, outcome: Outcome, days: number): Promise<Verdict> {
  const row = await store.find(tx, exportFiles, payload.export, true);
  if (!row || !isOpen(row)) {
    forgetLater(tx, payload.export);
    return undefined;
  }
  if (outcome.kind === 'elsewhere') return leave(tx, row, outcome.folder);
  const [current] = await tx.db.query<{ run: string }>('SELECT run FROM exports WHERE id = ?', [row.id]);
  // Whoever began it meanwhile and has lost its claim cannot finish it; who has the claim begins anew.
  if (outcome.kind === 'through' || current!.run !== outcome.run)
    return { retryIn: 0, reason: 'Another runner had begun it too.', spends: false };
  if (outcome.kind === 'failed') await fail(tx, row, outcome.reason);
  else await finish(tx, row, outcome, days);
  return undefined;
}

async function finish(
  tx: TenantContext,
  row: ExportRow,
  { rows, size }: { rows: number; size: number },
  days: number,
): Promise<void> {
  const expires_at = new Date(tx.now().getTime() + days * day).toISOString();
  const url = `/api/v1/${exportFiles.path}/${row.id}/file/`;
  const done = { status: 'done', progress: 100, rows, size, error: '', url } as const;
  await store.update(tx, exportFiles, row, { ...done, finished_at: timestamp(tx), expires_at });
}

async function fail(tx: TenantContext, row: ExportRow, reason: string): Promise<void> {
  const failed = { status: 'failed', error: reason.slice(0, 1_000), finished_at: timestamp(tx) } as const;
  await store.update(tx, exportFiles, row, { ...failed, progress: 0, rows: 0 });
  forgetLater(tx, row.id);
}

/** For a runner that shares the folder with the daemon that took the request; said in the row, as there may be none. */
async function leave(tx: TenantContext, row: ExportRow, folder: string): Promise<Verdict> {
  const reason = `No job runner that shares the folder files/exports of ${folder} has taken it yet.`;
  if (row.error !== reason) await store.update(tx, exportFiles, row, { error: reason });
  else if (tx.now().getTime() - Date.parse(row.updated_at) > elsewherePatience) {
    await fail(tx, row, `${reason} Start one there, then export again.`);
    return undefined;
  }
  return { retryIn: elsewherePause * (0.5 + Math.random()), reason, spends: false };
}

/** Once it is committed that nobody wants them. What stays behind is swept up within the hour. */
export function forgetLater(tx: Context, id: number): void {
  const forget = async () => files.remove(tx, await files.namesOf(tx, id));
  tx.db.afterCommit(() => void forget().catch(() => undefined));
}
