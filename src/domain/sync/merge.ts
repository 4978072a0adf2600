/** Which value of a field stays: last write wins, by the time of capture. Nothing here asks a database. */
import canonicalize from 'canonicalize';

/** A value with when it was written, and on which device; '' is the server itself. */
export interface Write {
  at: string;
  /** The counter of a hybrid logical clock. 1: its time is that of the version that it was made over, which it comes after. */
  step: 0 | 1;
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
  /** Fields that hold its value already, written earlier: that it was written again later must be known to who comes next. */
  confirmed: Record<string, unknown>;
}

export const sameValue = (one: unknown, other: unknown): boolean => canonicalize(one) === canonicalize(other);

/** Total, so that every order of arrival ends with the same value: time, counter, device, the device's clock, the value's own text. */
export function beats(one: Write, other: Write): boolean {
  const keys = ({ at, step, device, claimed, value }: Write) => [at, step, device, claimed, canonicalize(value) ?? ''];
  const [mine, theirs] = [keys(one), keys(other)];
  const index = mine.findIndex((key, place) => key !== theirs[place]);
  return index >= 0 && mine[index]! > theirs[index]!;
}

/**
 * When the edit counts as made, whatever the device's clock says: not later than now, and after the version that it was made
 * over, as a hybrid logical clock has it.
 */
export function effective(captured: string, base: string, now: string): Pick<Write, 'at' | 'step'> {
  const bounded = earlierOf(captured, now);
  return bounded > base ? { at: bounded, step: 0 } : { at: base, step: 1 };
}

export const earlierOf = (one: string, other: string): string => [one, other].sort()[0]!;

/** `current` is the asset as it is, `since` the last write of each field that the client had not seen. */
export function decide(
  fields: Record<string, unknown>,
  current: Record<string, unknown>,
  since: ReadonlyMap<string, Write>,
  origin: Omit<Write, 'value'>,
): Decision {
  const decision: Decision = { apply: {}, lost: [], won: [], confirmed: {} };
  for (const [field, value] of Object.entries(fields)) {
    const other = since.get(field);
    if (sameValue(value, current[field])) {
      if (other && beats({ ...origin, value }, other)) decision.confirmed[field] = value;
      continue;
    }
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
