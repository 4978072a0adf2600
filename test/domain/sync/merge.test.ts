import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { beats, decide, effective, type Write } from '../../../src/domain/sync/merge.ts';

const start = Date.parse('2026-11-25T09:00:00.000Z');
const time = (ms: number) => new Date(start + ms).toISOString();

const edit = fc.record({
  captured: fc.integer({ min: -3, max: 6 }).map(time),
  device: fc.constantFrom('a', 'b', 'c'),
  value: fc.constantFrom('one', 'two', 'three'),
});
type Edit = typeof edit extends fc.Arbitrary<infer E> ? E : never;

/** What is left of one field when these edits of one version arrive in that order; `web` was typed in after it. */
function endOf(edits: Edit[], web: Write): string {
  const asset = { name: web.value };
  let last = web;
  for (const { captured, device, value } of edits) {
    const origin = { ...effective(captured, time(0), time(100)), device, claimed: captured };
    const { apply, confirmed } = decide({ name: value }, asset, new Map([['name', last]]), origin);
    if (!('name' in apply) && !('name' in confirmed)) continue;
    asset.name = value;
    last = { ...origin, value };
  }
  return asset.name as string;
}

describe('the merge of one field', () => {
  it('ends alike in every order of arrival, also where two devices say the same', () => {
    const arrivals = fc.array(edit, { minLength: 2, maxLength: 6 }).chain((edits) =>
      fc.record({
        edits: fc.constant(edits),
        other: fc.shuffledSubarray(edits, { minLength: edits.length }),
        web: fc.record({ at: fc.integer({ min: 1, max: 4 }).map(time), value: edit.map(({ value }) => value) }),
      }),
    );
    fc.assert(
      fc.property(arrivals, ({ edits, other, web: { at, value } }) => {
        const web: Write = { at, step: 0, device: '', claimed: at, value };
        expect(endOf(other, web)).toBe(endOf(edits, web));
      }),
      { numRuns: 2_000 },
    );
  });

  it('puts an edit behind the version that it was made over, whatever the device’s clock says', () => {
    const late = effective(time(-1_000), time(0), time(5));
    expect(late).toEqual({ at: time(0), step: 1 });
    expect(effective(time(3), time(0), time(5))).toEqual({ at: time(3), step: 0 });
    expect(effective(time(9_999), time(0), time(5))).toEqual({ at: time(5), step: 0 });
    const over: Write = { ...late, device: 'a', claimed: time(-1_000), value: 'new' };
    const version: Write = { at: time(0), step: 0, device: 'z', claimed: time(0), value: 'old' };
    expect([beats(over, version), beats(version, over)]).toEqual([true, false]);
  });
});
