/** A whole list, a page at a time by cursor: what CSV and exports are made of. */
import type { Context } from '../db/context.ts';
import type { Row } from '../db/database.ts';
import { maxPageSize, type Page } from './pages.ts';
import type { Input, Operation } from './serve.ts';

/** Fields that keep their value: a row cannot move past a walk that is ordered by one of them. */
const steady = ['id', 'created_at'];

/**
 * Every row of the list once, in its order, at constant cost a page, though rows are changed meanwhile: one that is there
 * all the time is not missed. Under an ordering that changes can move a row in, those that it moved past come last.
 */
export async function* walk(ctx: Context, operation: Operation, input: Input): AsyncGenerator<Row[]> {
  const { ordering = operation.resource!.order } = input.query;
  if (steady.includes(String(ordering).replace(/^-/, ''))) {
    yield* pages(ctx, operation, input);
    return;
  }
  const seen = new Set<unknown>();
  const unseen = ({ id }: Row) => seen.size < seen.add(id).size;
  for await (const rows of pages(ctx, operation, input)) yield rows.filter(unseen);
  const byId = { ...input, query: { ...input.query, ordering: 'id' } };
  for await (const rows of pages(ctx, operation, byId)) yield rows.filter(unseen);
}

async function* pages(ctx: Context, operation: Operation, input: Input): AsyncGenerator<Row[]> {
  const { page: _, ...query } = input.query;
  for (let cursor: string | null = ''; cursor !== null; ) {
    const asked: Input = { ...input, query: { ...query, cursor, page_size: String(maxPageSize) } };
    const page = (await operation.run(ctx, asked)) as Page;
    yield page.rows;
    cursor = page.nextCursor;
  }
}
