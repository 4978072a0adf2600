/** What the value of an application identifier means: dates, measures, amounts and serials in their own form. */
import type { Ai } from './ai.ts';
import { yearOf } from './checks.ts';
import { type Element, valueFaults } from './gs1.ts';

export interface Segment {
  ai: string;
  title: string;
  value: string;
  /** ISO 8601: `2027-01-31`, `2027-01` where the code has no day, `2027-01-31T15:30`, or `first/last` of a range. */
  date?: string;
  /** A measure or amount with its decimal point in place. */
  decimal?: string;
  unit?: string;
  /** ISO 4217 numeric. */
  currency?: string;
  serial?: string;
}

/** A value that breaks the rules of its AI is given as it is, without a meaning. */
export function segmentOf({ ai, value }: Element): Segment {
  const segment = { ai: ai.ai, title: ai.title, value };
  if (valueFaults(ai, value).length > 0) return segment;
  const date = dateIn(ai, value);
  const serial = serialIn(ai.ai, value);
  return { ...segment, ...(date && { date }), ...quantityIn(ai, value), ...(serial && { serial }) };
}

function dateIn(ai: Ai, value: string): string | undefined {
  const days: string[] = [];
  let time = '';
  let at = 0;
  for (const { checks, max } of ai.parts) {
    const piece = value.slice(at, at + max);
    at += max;
    const check = checks[0] ?? '';
    if (piece !== '' && check.startsWith('yy')) days.push(dayOf(piece));
    if (/^(hhmi|hh|mi|ss)$/.test(check)) time += piece;
  }
  if (days.length === 0) return undefined;
  const [day] = days as [string];
  if (time === '' || day.length < '2027-01-31'.length) return days.join('/');
  return `${day}T${time.padEnd(4, '0').match(/../g)!.join(':')}`;
}

function dayOf(digits: string): string {
  const [monthAndDay, head] = [digits.slice(-4), digits.slice(0, -4)];
  const year = head.length === 2 ? yearOf(head) : head;
  const day = monthAndDay.slice(2);
  return `${year}-${monthAndDay.slice(0, 2)}${day === '00' ? '' : `-${day}`}`;
}

function quantityIn({ ai, title }: Ai, value: string): Pick<Segment, 'decimal' | 'unit' | 'currency'> {
  // The last digit of these AIs says how many digits stand behind the point.
  const places = Number(ai.at(-1));
  if (/^3[1-6]../.test(ai))
    return { decimal: decimalOf(value, places), unit: /\(([^)]+)\)/.exec(title)?.[1] ?? 'kg/m²' };
  if (/^39[025]./.test(ai)) return { decimal: decimalOf(value, places) };
  if (/^39[13]./.test(ai)) return { currency: value.slice(0, 3), decimal: decimalOf(value.slice(3), places) };
  if (/^394./.test(ai)) return { decimal: decimalOf(value, places), unit: '%' };
  if (/^433[0-3]/.test(ai))
    return { decimal: value.slice(6) + decimalOf(value.slice(0, 6), 2), unit: title.endsWith('F') ? '°F' : '°C' };
  return {};
}

function decimalOf(digits: string, places: number): string {
  const padded = digits.padStart(places + 1, '0');
  const whole = padded.slice(0, padded.length - places).replace(/^0+(?=\d)/, '');
  return places === 0 ? whole : `${whole}.${padded.slice(-places)}`;
}

/** Where a serial begins within the value of an AI. */
const serialStart: ReadonlyMap<string, number> = new Map([
  ['21', 0],
  ['250', 0],
  ['253', 13],
  ['255', 13],
  ['8003', 14],
  ['8011', 0],
  ['8019', 0],
]);

function serialIn(ai: string, value: string): string | undefined {
  const start = serialStart.get(ai);
  return start === undefined ? undefined : value.slice(start);
}
