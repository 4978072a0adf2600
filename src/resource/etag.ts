import { PreconditionFailed } from '../base/errors.ts';
import { sha256 } from '../base/ids.ts';

/** A strong entity tag (RFC 9110) of the row as answered. */
export const etagOf = (row: unknown): string => `"${sha256(JSON.stringify(row)).slice(0, 32)}"`;

/** PreconditionFailed unless If-Match is absent, `*`, or lists the row's tag. */
export function checkMatch(row: unknown, ifMatch: string | undefined): void {
  if (ifMatch === undefined || ifMatch.trim() === '*') return;
  const tags = ifMatch.split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  if (!tags.includes(etagOf(row))) throw new PreconditionFailed();
}
