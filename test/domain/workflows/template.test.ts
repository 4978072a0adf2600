import { describe, expect, it } from 'vitest';
import type { Scope } from '../../../src/domain/workflows/scope.ts';
import { filled } from '../../../src/domain/workflows/template.ts';

const scope = {
  asset: { asset_tag: 'A-1', name: '{{context.secret}}', current_location: null, custom_fields: { n: 4, on: false } },
  scan_event: null,
  previous_status: 'lost',
  new_status: null,
  context: { list: [1, { a: 'x' }], secret: 's', at: 'the gate' },
  output: { ticket: { id: 7 }, steps: [{ action: 'create_asset', asset_id: 12 }] },
  now: '2026-02-01T00:00:00.000Z',
} as never as Scope;

describe('placeholders', () => {
  it.each([
    ['plain', 'plain'],
    ['{{asset.asset_tag}}', 'A-1'],
    ['{{ asset.custom_fields.n }}', 4],
    ['{{asset.custom_fields.on}}', false],
    ['{{context.list}}', [1, { a: 'x' }]],
    ['{{asset.current_location}}', null],
    ['{{output.ticket.id}}', 7],
    ['{{output.steps.0.asset_id}}', 12],
    ['{{now}}', '2026-02-01T00:00:00.000Z'],
    ['{{previous_status}}', 'lost'],
    ['Tag {{asset.asset_tag}} at {{context.at}}: {{asset.custom_fields.n}}', 'Tag A-1 at the gate: 4'],
    ['[{{asset.current_location}}|{{asset.custom_fields.on}}|{{context.list}}]', '[|false|[1,{"a":"x"}]]'],
    [5, 5],
    [null, null],
    [true, true],
    ['{{}', '{{}'],
    ['{ {asset.name} }', '{ {asset.name} }'],
  ])('%j becomes %j', (written, expected) => {
    expect(filled(written, scope)).toEqual(expected);
  });

  it('fills in at any depth, keys excepted', () => {
    const written = { a: [{ b: '{{asset.custom_fields.n}}' }, 'x{{asset.asset_tag}}'], '{{asset.asset_tag}}': 1 };
    expect(filled(written, scope)).toEqual({ a: [{ b: 4 }, 'xA-1'], '{{asset.asset_tag}}': 1 });
    const own = filled(JSON.parse('{"__proto__": {"x": "{{asset.custom_fields.n}}"}}'), scope) as object;
    expect([JSON.stringify(own), (own as { x?: number }).x]).toEqual(['{"__proto__":{"x":4}}', undefined]);
  });

  it('reads what comes in only once', () => {
    expect(filled('{{asset.name}} {{asset.name}}', scope)).toBe('{{context.secret}} {{context.secret}}');
    expect(filled('{{asset.name}}', scope)).toBe('{{context.secret}}');
  });

  it('is empty where a site has not written anything', () => {
    for (const path of ['asset.custom_fields.colour', 'context.payload.x', 'scan_event.raw_value', 'output.none'])
      expect([filled(`{{${path}}}`, scope), filled(`<{{${path}}}>`, scope)]).toEqual([null, '<>']);
  });

  it('refuses a path that can never name anything', () => {
    expect(() => filled('{{aset.name}}', scope)).toThrow(
      '{{aset.name}} names nothing. A path begins with one of: asset, scan_event, previous_status, new_status, context, output, now.',
    );
    expect(() => filled('{{asset.colour}}', scope)).toThrow(
      '{{asset.colour}} names nothing: asset has no field "colour".',
    );
    expect(() => filled('a {{scan_event.constructor}}', scope)).toThrow('scan_event has no field "constructor"');
    expect(() => filled('{{}}', scope)).toThrow('names nothing');
  });

  it('stops before it has put together what is too long', () => {
    let read = 0;
    const large = {
      toJSON() {
        read += 1;
        return 'x'.repeat(30_000);
      },
    };
    const wide = { ...scope, context: { large } } as never as Scope;
    for (const written of ['{{context.large}} '.repeat(1_000), Array(1_000).fill('{{context.large}}')]) {
      read = 0;
      expect(() => filled(written, wide)).toThrow('too long: more than 64000 characters');
      expect(read).toBe(3);
    }
  });

  it('takes no time over a text of nothing but braces and blanks', () => {
    const began = Date.now();
    filled(`${'{{ '.repeat(20_000)}${' '.repeat(50_000)}`, scope);
    // Looked at once for each brace, it is minutes.
    expect(Date.now() - began).toBeLessThan(10_000);
  });
});
