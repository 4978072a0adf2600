/**
 * Which moments a cron expression means in a time zone, also in the night in which its clocks are changed. "Each hour" is by
 * real hours. A fixed time is by the clock on the wall: of an hour that comes twice the first counts, and what falls into
 * one that is left out comes just after it. node-cron reads the expression; it knows nothing of the rest.
 */
import cron from 'node-cron';

const second = 1_000;
const minute = 60_000;
/** Where a zone's clocks are changed, it is at a quarter of an hour. */
const quarter = 15 * minute;
/** Clocks are set back by less. */
const longestRepeat = 3 * 3_600_000;

export interface Ticks {
  /** The latest moment after `after` and up to `now`, in ms; undefined when there is none. */
  latest(after: number, now: number): number | undefined;
  close(): void;
}

/** `pattern` has five fields, or six with seconds in front, or is a word such as `@daily`; `timezone` is an IANA name. */
export function ticksOf(pattern: string, timezone: string): Ticks {
  const fields = pattern.trim().split(/\s+/);
  const step = fields.length > 5 ? second : minute;
  const isHourly = /^(\*|0-23|@hourly)(\/|$)/i.test(fields.at(-4) ?? pattern.trim());
  const offsetAt = offsetsOf(timezone);
  const onWall = matcherOf(fields);
  const wallAt = (at: number): number => at + offsetAt(at);

  function isTick(at: number): boolean {
    const wall = wallAt(at);
    if (isHourly) return onWall.matches(wall);
    if (onWall.matches(wall) && !cameBefore(at)) return true;
    // Nothing but where a zone has just set its clocks forward.
    for (let left = wallAt(at - step) + step; left < wall; left += step) if (onWall.matches(left)) return true;
    return false;
  }

  /** Whether the wall has shown this time once already, before its clocks were set back. */
  function cameBefore(at: number): boolean {
    const before = offsetAt(at - longestRepeat);
    const back = before - offsetAt(at);
    return back > 0 && offsetAt(at - back) === before;
  }

  return {
    latest(after, now) {
      for (let at = now - (now % step); at > after; at -= step) if (isTick(at)) return at;
      return undefined;
    },
    close: onWall.close,
  };
}

/** Asked for the time on the wall as if that were UTC. Seconds are looked at only within a minute that is meant. */
function matcherOf(fields: string[]) {
  const taskOf = (pattern: string[]) => cron.createTask(pattern.join(' '), () => undefined, { timezone: 'UTC' });
  const tasks = [taskOf(fields.slice(-5)), ...(fields.length > 5 ? [taskOf(fields)] : [])];
  const [minutes, seconds] = tasks;
  let known = { from: Number.NaN, fits: false };
  return {
    matches(wall: number): boolean {
      const from = wall - (wall % minute);
      if (known.from !== from) known = { from, fits: minutes!.match(new Date(from)) };
      return known.fits && (seconds?.match(new Date(wall)) ?? true);
    },
    close(): void {
      for (const task of tasks) void task.destroy();
    },
  };
}

/** How far the zone is ahead of UTC at a moment, in ms. */
function offsetsOf(timezone: string): (at: number) => number {
  const format = new Intl.DateTimeFormat('en-US', { timeZone: timezone, timeZoneName: 'longOffset' });
  let known = { from: Number.NaN, offset: 0 };
  return (at) => {
    const from = at - (at % quarter);
    if (known.from !== from) known = { from, offset: offsetIn(format.format(from)) };
    return known.offset;
  };
}

/** `11/25/2026, GMT+05:30` */
function offsetIn(text: string): number {
  const [, sign = '+', hours = 0, minutes = 0] = /GMT(?:([+-])(\d\d):(\d\d))?/.exec(text) ?? [];
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * minute;
}
