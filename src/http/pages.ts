/** A page as the contract has it, and the same list whole as CSV. */
import { Readable } from 'node:stream';
import type { Context } from 'koa';
import type { Context as CallContext } from '../db/context.ts';
import type { Row } from '../db/database.ts';
import * as exports from '../domain/exports/service.ts';
import type { Page } from '../resource/pages.ts';
import type { Input, Operation } from '../resource/serve.ts';
import { walk } from '../resource/walk.ts';

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

/** The whole list in CSV, from its start whatever page was asked for; refused before the first byte, if at all. */
export async function csvOf(ctx: CallContext, operation: Operation, input: Input): Promise<Readable> {
  const pages = walk(ctx, operation, input);
  const first = await pages.next();
  async function* all(): AsyncGenerator<Row[]> {
    if (!first.done) yield first.value;
    yield* pages;
  }
  const fields = operation.resource!.columns.map(({ field }: { field: string }) => field);
  return Readable.from(exports.csv(fields, all()));
}
