import { describe, expect, it } from 'vitest';
import { allHold, conditionsOf, holds, judge } from '../../../src/domain/workflows/conditions.ts';
import type { Scope } from '../../../src/domain/workflows/scope.ts';

const scope = {
  asset: {
    asset_tag: 'A-100',
    status: 'active',
    current_location: null,
    custom_fields: { hours: 1200, price: '99.5', tags: ['hot', 'new'], warranty: '2026-03-01', toString: 'own' },
  },
  scan_event: { raw_value: 'A-100', decoded_payload: { segments: [{ ai: '01', value: '0950' }] } },
  previous_status: 'lost',
  new_status: 'active',
  context: { event_name: 'order.created', payload: { qty: 3, at: '2026-01-01T00:00:00+01:00' } },
  output: { steps: [] },
  now: '2026-02-01T00:00:00.000Z',
} as never as Scope;

const list = (field: string, operator: string, value?: unknown) =>
  judge({ trigger_type: 'on_scan', entry_conditions: [{ field, operator, value }] }, scope)[0]!.matched;

describe('entry conditions', () => {
  it.each([
    ['equals', 'active', 'active', true],
    ['equals', 'active', 'Active', false],
    ['equals', 5, '5', true],
    ['equals', '007', '7', false],
    ['equals', '52.520000', 52.52, true],
    ['equals', true, 'true', false],
    ['equals', 1, true, false],
    ['equals', null, null, true],
    ['equals', undefined, null, true],
    ['equals', undefined, '', false],
    ['equals', '', 0, false],
    ['equals', { a: 1, b: [2] }, { b: [2], a: 1 }, true],
    ['equals', [1, 2], [2, 1], false],
    ['equals', '2026-01-01T00:00:00Z', '2026-01-01T01:00:00+01:00', true],
    ['not_equals', 'active', 'lost', true],
    ['not_equals', 'active', 'active', false],
    ['not_equals', undefined, 'lost', true],
    ['in', 'active', ['lost', 'active'], true],
    ['in', 7, ['7'], true],
    ['in', 'active', [], false],
    ['in', undefined, ['active'], false],
    ['in', undefined, [null], true],
    ['in', ['hot', 'new'], ['new', 'old'], true],
    ['in', ['hot'], ['new'], false],
    ['not_in', 'active', ['lost'], true],
    ['not_in', 'active', ['active'], false],
    ['not_in', undefined, ['active'], true],
    ['not_in', ['hot', 'new'], ['new'], false],
    ['contains', ['hot', 'new'], 'hot', true],
    ['contains', ['hot', 'new'], ['hot', 'new'], true],
    ['contains', ['hot'], ['hot', 'new'], false],
    ['contains', ['hot'], [], false],
    ['contains', [{ a: 1 }], { a: 1 }, true],
    ['contains', 'pump house', 'house', true],
    ['contains', 'pump house', 'House', false],
    ['contains', 1234, 23, true],
    ['contains', { colour: 'red' }, 'colour', true],
    ['contains', { colour: 'red' }, 'constructor', false],
    ['contains', undefined, 'x', false],
    ['contains', null, 'null', false],
    ['gt', 10, 9, true],
    ['gt', '10', 9, true],
    ['gt', '10', '9', true],
    ['gt', 9, 9, false],
    ['gte', 9, 9, true],
    ['gte', '2026-03-01', '2026-03-01', true],
    ['lt', '2026-03-01', '2026-03-01T00:00:01Z', true],
    ['lt', '2026-01-01T00:30:00+01:00', '2026-01-01T00:00:00Z', true],
    ['lte', 'alpha', 'beta', true],
    ['lt', -1.5, '0', true],
    ['gt', undefined, 0, false],
    ['lt', null, 1, false],
    ['lt', true, 5, false],
    ['lt', 'x', 5, false],
    ['lt', [1], 5, false],
    ['exists', 'x', undefined, true],
    ['exists', '', true, true],
    ['exists', false, true, true],
    ['exists', null, true, false],
    ['exists', undefined, null, false],
    ['exists', undefined, false, true],
    ['exists', 'x', false, false],
    ['matches', 'A-100', '^A-', true],
    ['matches', 'A-100', '^A-\\d+$', true],
    ['matches', 'A-100', '\\d', true],
    ['matches', 'A-100', '^\\d', false],
    ['matches', 1234, '^12', true],
    ['matches', undefined, 'undefined', false],
    ['matches', null, 'null', false],
    ['matches', ['a'], 'a', false],
  ] as const)('%s: %j and %j', (operator, actual, wanted, holding) => {
    expect(holds(operator, actual, wanted ?? null)).toBe(holding);
  });

  it('does not let a pattern take for ever', () => {
    expect(holds('matches', `${'a'.repeat(60)}!`, '^(a+)+$')).toBe(false);
  });

  it('looks no further than the first that does not hold, save for a preview', () => {
    let read = 0;
    const watched = {
      ...scope,
      get context() {
        read += 1;
        return scope.context;
      },
    };
    const conditions = (first: string) => ({
      trigger_type: 'manual' as const,
      entry_conditions: [
        { field: 'asset.asset_tag', operator: 'equals', value: first },
        { field: 'context.event_name', operator: 'equals', value: 'order.created' },
      ],
    });
    expect([allHold(conditions('other'), watched), read]).toEqual([false, 0]);
    expect([allHold(conditions('A-100'), watched), read]).toEqual([true, 1]);
    expect(judge(conditions('other'), watched).map(({ matched }) => matched)).toEqual([false, true]);
  });

  it('follows paths into what there is, through own properties alone', () => {
    expect(list('asset.custom_fields.hours', 'gte', 1000)).toBe(true);
    expect(list('asset_state', 'equals', 'active')).toBe(true);
    expect(list('scan_event.decoded_payload.segments.0.ai', 'equals', '01')).toBe(true);
    expect(list('previous_status', 'equals', 'lost')).toBe(true);
    expect(list('context.payload.qty', 'gt', 2)).toBe(true);
    for (const path of ['asset.constructor', 'asset.__proto__.toString', 'asset.custom_fields.tags.length', 'x', ''])
      expect([path, list(path, 'exists')]).toEqual([path, false]);
    for (const path of ['asset.asset_tag.length', 'asset.asset_tag.0', 'now.0', 'asset.custom_fields.tags.-1'])
      expect([path, list(path, 'exists')]).toEqual([path, false]);
    expect(list('asset.custom_fields.toString', 'equals', 'own')).toBe(true);
  });

  it('compares with another path', () => {
    expect(list('asset.asset_tag', 'equals', '{{scan_event.raw_value}}')).toBe(true);
    expect(list('asset.custom_fields.warranty', 'gt', '{{ now }}')).toBe(true);
    expect(list('context.payload.at', 'lt', '{{now}}')).toBe(true);
    expect(list('asset_state', 'in', ['{{previous_status}}', '{{new_status}}'])).toBe(true);
    expect(list('asset.current_location', 'equals', '{{asset.nothing.at.all}}')).toBe(true);
  });

  it('reads the older map as equal, and a list in it as one of these', () => {
    const entry_conditions = { asset_state: ['lost', 'active'], 'context.payload.qty': 3, 'asset.asset_tag': 'B' };
    expect(judge({ trigger_type: 'on_scan', entry_conditions }, scope)).toEqual([
      { field: 'asset_state', operator: 'in', value: ['lost', 'active'], matched: true },
      { field: 'context.payload.qty', operator: 'equals', value: 3, matched: true },
      { field: 'asset.asset_tag', operator: 'equals', value: 'B', matched: false },
    ]);
    expect(judge({ trigger_type: 'manual', entry_conditions: {} }, scope)).toEqual([]);
  });

  it('takes the schedule of on_time for no condition, in either form', () => {
    const cron = { cron: '0 6 * * 1', timezone: 'UTC', asset_state: 'active' };
    const entry = [
      { field: 'cron', operator: 'equals', value: '* * * * *' },
      { field: 'timezone', operator: 'equals', value: 'UTC' },
      { field: 'asset_state', operator: 'exists' },
    ];
    expect(conditionsOf({ trigger_type: 'on_time', entry_conditions: cron }).map(({ field }) => field)).toEqual([
      'asset_state',
    ]);
    expect(conditionsOf({ trigger_type: 'on_time', entry_conditions: entry })).toEqual([
      { field: 'asset_state', operator: 'exists', value: null },
    ]);
    expect(conditionsOf({ trigger_type: 'manual', entry_conditions: cron })).toHaveLength(3);
  });
});
