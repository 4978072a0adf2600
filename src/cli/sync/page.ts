import { ConfigError } from '../../base/errors.ts';

/** Rows of one list as a query has them. */
export function pageSize(limit: number): string {
  if (limit < 1 || limit > 500) throw new ConfigError('--limit is a number from 1 to 500.');
  return String(limit);
}

/** A line below a table that does not show all. */
export const rest = (count: number | null, shown: number): string =>
  count !== null && count > shown ? `\n${shown} of ${count}, the newest. --limit shows more, GET the whole list.` : '';

/** A value in a cell: text as it is, anything else as JSON, cut to what a screen holds. */
export function brief(value: unknown, most = 40): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}
