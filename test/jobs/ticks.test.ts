import { afterAll, describe, expect, it } from 'vitest';
import { type Ticks, ticksOf } from '../../src/jobs/ticks.ts';

const opened: Ticks[] = [];
afterAll(() => {
  for (const ticks of opened) ticks.close();
});

/** All moments of a span, as the wall of the zone shows them, found a second at a time or with one late look. */
function shown(cron: string, timezone: string, from: string, to: string): string[] {
  const ticks = ticksOf(cron, timezone);
  opened.push(ticks);
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone: timezone,
    hourCycle: 'h23',
    hour: '2-digit',
    minute: '2-digit',
    timeZoneName: 'shortOffset',
  });
  const found: string[] = [];
  let after = Date.parse(from);
  for (let now = after + 1_000; now <= Date.parse(to); now += 1_000) {
    const at = ticks.latest(after, now);
    if (at !== undefined) found.push(format.format(at));
    after = now;
  }
  return found;
}

describe('in the night in which an hour is left out', () => {
  const newYork = (cron: string) => shown(cron, 'America/New_York', '2027-03-14T05:30:00Z', '2027-03-14T08:30:00Z');
  const berlin = (cron: string) => shown(cron, 'Europe/Berlin', '2027-03-27T23:30:00Z', '2027-03-28T02:30:00Z');

  it('a fixed time within it comes just after it', () => {
    expect(newYork('30 2 * * *')).toEqual(['03:00 GMT-4']);
    expect(berlin('30 2 * * *')).toEqual(['03:00 GMT+2']);
    expect(berlin('0 2 * * 0')).toEqual(['03:00 GMT+2']);
    expect(berlin('0 2 * * 1')).toEqual([]);
  });

  it('a word for a time is one like any other, where midnight itself is left out', () => {
    const cairo = (cron: string) => shown(cron, 'Africa/Cairo', '2027-04-29T20:30:00Z', '2027-04-30T00:30:00Z');
    expect(cairo('@daily')).toEqual(['01:00 GMT+3']);
    expect(cairo('@hourly')).toEqual(['23:00 GMT+2', '01:00 GMT+3', '02:00 GMT+3', '03:00 GMT+3']);
  });

  it('several of them come once', () => {
    expect(newYork('15,45 2 * * *')).toEqual(['03:00 GMT-4']);
    expect(berlin('0 1,2,3,4 * * *')).toEqual(['01:00 GMT+1', '03:00 GMT+2', '04:00 GMT+2']);
    expect(berlin('10 30 2 * * *')).toEqual(['03:00 GMT+2']);
  });

  it('what comes each hour, or each few minutes, comes by real time', () => {
    expect(newYork('30 * * * *')).toEqual(['01:30 GMT-5', '03:30 GMT-4', '04:30 GMT-4']);
    expect(berlin('0 */2 * * *')).toEqual(['04:00 GMT+2']);
    const halfHours = ['01:00 GMT+1', '01:30 GMT+1', '03:00 GMT+2', '03:30 GMT+2', '04:00 GMT+2', '04:30 GMT+2'];
    expect(berlin('*/30 * * * *')).toEqual(halfHours);
  });
});

describe('in the night in which an hour comes twice', () => {
  const newYork = (cron: string) => shown(cron, 'America/New_York', '2027-11-07T04:30:00Z', '2027-11-07T07:30:00Z');
  const berlin = (cron: string) => shown(cron, 'Europe/Berlin', '2027-10-30T23:30:00Z', '2027-10-31T02:30:00Z');

  it('a fixed time within it comes once, the first time', () => {
    expect(newYork('30 1 * * *')).toEqual(['01:30 GMT-4']);
    expect(berlin('30 2 * * *')).toEqual(['02:30 GMT+2']);
    expect(berlin('15 30 2 * * *')).toEqual(['02:30 GMT+2']);
    expect(berlin('0,30 2,3 * * *')).toEqual(['02:00 GMT+2', '02:30 GMT+2', '03:00 GMT+1', '03:30 GMT+1']);
  });

  it('what comes each hour comes in both', () => {
    expect(newYork('30 * * * *')).toEqual(['01:30 GMT-4', '01:30 GMT-5', '02:30 GMT-5']);
    expect(berlin('0 * * * *')).toEqual(['02:00 GMT+2', '02:00 GMT+1', '03:00 GMT+1']);
    for (const cron of ['0 */2 * * *', '0 0-23/2 * * *']) expect(berlin(cron)).toEqual(['02:00 GMT+2', '02:00 GMT+1']);
  });
});

describe('on every other day', () => {
  it('a fixed time is what the wall shows, where zones are not whole hours apart too', () => {
    const day = ['2027-06-07T00:00:00Z', '2027-06-08T00:00:00Z'] as const;
    expect(shown('0 6 * * 1', 'Europe/Berlin', ...day)).toEqual(['06:00 GMT+2']);
    expect(shown('0 6 * * *', 'UTC', ...day)).toEqual(['06:00 GMT+0']);
    expect(shown('45 5 * * *', 'Asia/Kathmandu', ...day)).toEqual(['05:45 GMT+5:45']);
    expect(shown('0 6 * * 1', 'America/New_York', ...day)).toEqual(['06:00 GMT-4']);
  });

  it('clocks that are moved by half an hour are followed too', () => {
    const zone = 'Australia/Lord_Howe';
    expect(shown('45 1 * * *', zone, '2027-04-03T14:00:00Z', '2027-04-03T16:00:00Z')).toEqual(['01:45 GMT+11']);
    expect(shown('15 2 * * *', zone, '2027-10-02T15:00:00Z', '2027-10-02T17:00:00Z')).toEqual(['02:30 GMT+11']);
  });

  it('the last of many that nobody saw is found in one look', () => {
    const ticks = ticksOf('0 30 2 * * *', 'Europe/Berlin');
    opened.push(ticks);
    const day = (from: string, to: string) => ticks.latest(Date.parse(from), Date.parse(to));
    expect(day('2027-10-31T00:20:00Z', '2027-10-31T23:00:00Z')).toBe(Date.parse('2027-10-31T00:30:00Z'));
    expect(day('2027-10-31T00:30:00Z', '2027-10-31T23:00:00Z')).toBeUndefined();
    expect(day('2027-03-28T00:30:00Z', '2027-03-28T23:00:00Z')).toBe(Date.parse('2027-03-28T01:00:00Z'));
  });
});
