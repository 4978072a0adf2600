/** What others may ask of exports. */
import type { TenantContext } from '../../db/context.ts';
import type { Row } from '../../db/database.ts';
import type { Operation } from '../../resource/serve.ts';
import { walk } from '../../resource/walk.ts';
import { check, countOf, fieldsOf, inputOf, listOf } from './lists.ts';
import type { Wanted } from './resource.ts';
import { type Parts, writers } from './writers.ts';

export { type ExportSettings, exporting } from './job.ts';
export { plainPaths } from './lists.ts';
export { exportOperations } from './operations.ts';
export { type Format, formats } from './resource.ts';
export { prune, sweep } from './retention.ts';
export { csv } from './writers.ts';

export interface Opened {
  /** Path of the list. */
  path: string;
  /** Rows there are now; more or fewer may come. */
  total: number;
  parts: Parts;
}

/** The same file without job and row, for whoever waits for it; `told` hears of rows on their way. */
export async function open(
  ctx: TenantContext,
  operations: readonly Operation[],
  wanted: Wanted,
  told: (rows: number) => void,
): Promise<Opened> {
  const listed = listOf(operations, wanted.resource);
  await check(ctx, listed, wanted);
  const input = inputOf(listed, wanted);
  const { operation, path } = listed;
  const total = await countOf(ctx, listed, input);
  const chosen = wanted.columns.length > 0;
  const pages = counted(walk(ctx, operation, input), told);
  return {
    path,
    total,
    parts: writers[wanted.format].write(chosen ? wanted.columns : fieldsOf(operation), pages, chosen),
  };
}

async function* counted(pages: AsyncIterable<Row[]>, told: (rows: number) => void): AsyncGenerator<Row[]> {
  let rows = 0;
  for await (const page of pages) {
    yield page;
    rows += page.length;
    told(rows);
  }
}
