/** Rows -> the bytes of a file, a page at a time. What lists answer as CSV is written here too. */
import type { Row } from '../../db/database.ts';
import { line } from '../../render/csv.ts';
import type { Format } from './resource.ts';

export type Parts = AsyncIterable<string | Uint8Array>;

interface Writer {
  type: string;
  /** `chosen`: whether the fields were named, and are not just all there are. */
  write(fields: readonly string[], pages: AsyncIterable<Row[]>, chosen: boolean): Parts;
}

export const writers: Record<Format, Writer> = {
  csv: { type: 'text/csv; charset=utf-8', write: csv },
  jsonl: { type: 'application/x-ndjson; charset=utf-8', write: jsonLines },
  xlsx: {
    type: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
    async *write(fields, pages) {
      const { workbook } = await import('./workbook.ts');
      yield* workbook(fields, pages);
    },
  },
};

/** RFC 4180. */
export async function* csv(fields: readonly string[], pages: AsyncIterable<Row[]>): AsyncGenerator<string> {
  yield line(fields);
  for await (const rows of pages) yield rows.map((row) => line(fields.map((field) => row[field]))).join('');
}

/** One JSON object a line; whole rows as the list answers them, unless fields were chosen. */
async function* jsonLines(
  fields: readonly string[],
  pages: AsyncIterable<Row[]>,
  chosen: boolean,
): AsyncGenerator<string> {
  const shown = (row: Row) => (chosen ? Object.fromEntries(fields.map((field) => [field, row[field] ?? null])) : row);
  for await (const rows of pages) yield rows.map((row) => `${JSON.stringify(shown(row))}\n`).join('');
}
