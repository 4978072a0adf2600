/** A page as the contract has it, and the same list whole as CSV. */
import { Readable } from 'node:stream';
import type { Context } from 'koa';
import type { Context as CallContext } from '../db/context.ts';
import type { Row } from '../db/database.ts';
import { line } from '../render/csv.ts';
import { maxPageSize, type Page } from '../resource/pages.ts';
import type { Input, Operation } from '../resource/serve.ts';

export function pageBody<T>(context: Context, { rows, count, page, hasNext, nextCursor }: Page<T>) {
  const walking = count === null;
  const next = walking ? nextCursor : hasNext ? String(page + 1) : null;
  return {
    count,
    next: next === null ? null : urlWith(context, walking ? 'cursor' : 'page', next),
    previous: !walking && page > 1 ? urlWith(context, 'page', String(page - 1)) : null,
    results: rows,
  };
}

function urlWith(context: Context, key: string, value: string): string {
  const origin = `${context.protocol}://${context.host}`;
  // A Host header may be missing or nonsense; the answer is still right then, if relative to nobody.
  const url = new URL(URL.canParse(origin) ? origin : 'http://localhost');
  url.pathname = context.path;
  url.search = context.search;
  url.searchParams.set(key, value);
  return url.href;
}

/** The whole list in CSV (RFC 4180), walked by cursor so that its length does not matter. */
export function csvOf(ctx: CallContext, operation: Operation, input: Input, first: Page): Readable {
  const fields = operation.resource!.columns.map(({ field }) => field);
  async function* lines() {
    yield line(fields);
    for (let page = first; ; ) {
      yield page.rows.map((row) => line(fields.map((field) => (row as Row)[field]))).join('');
      if (page.nextCursor === null) return;
      page = (await operation.run(ctx, csvInput(input, page.nextCursor))) as Page;
    }
  }
  return Readable.from(lines());
}

export const csvInput = (input: Input, cursor: string): Input => {
  const { page: _, ...query } = input.query;
  return { ...input, query: { ...query, cursor, page_size: String(maxPageSize) } };
};
