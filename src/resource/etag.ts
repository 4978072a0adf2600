import { PreconditionFailed } from '../base/errors.ts';
import { sha256 } from '../base/ids.ts';

/** A strong entity tag (RFC 9110) of a row, from the JSON text of its answer. */
export const etagOf = (json: string): string => `"${sha256(json).slice(0, 32)}"`;

/** PreconditionFailed unless If-Match is absent, `*`, or lists the row's tag. */
export function checkMatch(row: unknown, ifMatch: string | undefined): void {
  if (ifMatch === undefined || ifMatch.trim() === '*') return;
  const tags = ifMatch.split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  if (!tags.includes(etagOf(JSON.stringify(row)))) throw new PreconditionFailed();
}
