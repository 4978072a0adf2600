/** Which value of a field stays: last write wins, by the time of capture. Nothing here asks a database. */
import canonicalize from 'canonicalize';

/** A value with when it was written, and on which device; '' is the server itself. */
export interface Write {
  at: string;
  device: string;
  /** What the device's own clock said: it orders the edits of one device whose `at` was bounded. */
  claimed: string;
  value: unknown;
}

export interface Decision {
  /** Fields to write, with their values. */
  apply: Record<string, unknown>;
  /** Fields whose incoming value loses. */
  lost: string[];
  /** Fields where it replaces one that the client had not seen. */
  won: string[];
}

export const sameValue = (one: unknown, other: unknown): boolean => canonicalize(one) === canonicalize(other);

/** Total, so that every order of arrival ends with the same value: later time, device, the device's clock, the value's own text. */
export function beats(one: Write, other: Write): boolean {
  const keys = ({ at, device, claimed, value }: Write) => [at, device, claimed, canonicalize(value) ?? ''];
  const [mine, theirs] = [keys(one), keys(other)];
  const index = mine.findIndex((key, place) => key !== theirs[place]);
  return index >= 0 && mine[index]! > theirs[index]!;
}

/**
 * When the edit counts as made, whatever the device's clock says: not before the version that it was made over, and not
 * later than now.
 */
export const effective = (captured: string, base: string, now: string): string =>
  earlierOf(captured < base ? base : captured, now);

export const earlierOf = (one: string, other: string): string => [one, other].sort()[0]!;

/** `current` is the asset as it is, `since` the last write of each field that the client had not seen. */
export function decide(
  fields: Record<string, unknown>,
  current: Record<string, unknown>,
  since: ReadonlyMap<string, Write>,
  origin: Omit<Write, 'value'>,
): Decision {
  const decision: Decision = { apply: {}, lost: [], won: [] };
  for (const [field, value] of Object.entries(fields)) {
    if (sameValue(value, current[field])) continue;
    const other = since.get(field);
    if (other && !beats({ ...origin, value }, other)) {
      decision.lost.push(field);
      continue;
    }
    decision.apply[field] = value;
    // A device has seen what it wrote itself.
    if (other && (other.device === '' || other.device !== origin.device)) decision.won.push(field);
  }
  return decision;
}
