import bwipjs from 'bwip-js/node';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Ai, aiTable, matches } from '../../../src/domain/barcodes/ai.ts';
import { checkDigitOf, cset82 } from '../../../src/domain/barcodes/check-digit.ts';
import { yearOf } from '../../../src/domain/barcodes/checks.ts';
import { validate } from '../../../src/domain/barcodes/service.ts';

const gs1 = (raw_value: string) => validate({ symbology: 'gs1', raw_value });
const gtin = '09521234543213';

/** BWIPP holds the same rules in another codebase: it encodes what is right and throws at what is not. */
function oracle(text: string): string | null {
  try {
    bwipjs.raw({ bcid: 'gs1datamatrix', text });
    return null;
  } catch (error) {
    return String((error as Error).message ?? error);
  }
}

describe('GS1 element strings', () => {
  it.each([
    ['brackets', `(01)${gtin}(17)270131(10)ABC-1(21)99`],
    ['FNC1 as GS', `01${gtin}1727013110ABC-1\u001d2199`],
    ['an AIM identifier', `]d201${gtin}1727013110ABC-1\u001d2199`],
    ['a leading FNC1', `\u001d01${gtin}1727013110ABC-1\u001d2199`],
    ['a web address', `https://shop.example/x/01/9521234543213/10/ABC-1/21/99?17=270131&utm=1`],
  ])('are read from %s', (_, raw) => {
    const { valid, errors, decoded } = gs1(raw);
    expect([valid, errors]).toEqual([true, []]);
    expect(decoded.gtin14).toBe(gtin);
    const segments = Object.fromEntries(decoded.segments!.map((segment) => [segment.ai, segment]));
    expect(segments['17']).toMatchObject({ title: 'USE BY or EXPIRY', value: '270131', date: '2027-01-31' });
    expect(segments['21']).toMatchObject({ serial: '99' });
    expect(decoded.digital_link).toBe(`https://id.gs1.org/01/${gtin}/10/ABC-1/21/99?17=270131`);
  });

  it('give measures, amounts, times and days typed', () => {
    const { decoded, valid } = gs1(`(01)${gtin}(3103)001750(3922)1999(7003)2701311530(15)270200(8005)000125`);
    expect(valid).toBe(true);
    expect(decoded.segments).toMatchObject([
      {},
      { ai: '3103', decimal: '1.750', unit: 'kg' },
      { ai: '3922', decimal: '19.99' },
      { ai: '7003', date: '2027-01-31T15:30' },
      { ai: '15', date: '2027-02' },
      {},
    ]);
    expect(gs1('(8020)R1(415)9521234543213(3912)97810000').decoded.segments![2]).toMatchObject({
      currency: '978',
      decimal: '100.00',
    });
  });

  it.each([
    ['a wrong check digit', '(01)09521234543214', 'GS1_BAD_CHECK_DIGIT'],
    ['a day that does not exist', `(01)${gtin}(17)270230`, 'GS1_BAD_DATE'],
    ['a month that does not exist', `(01)${gtin}(17)271301`, 'GS1_BAD_DATE'],
    ['an unknown identifier', '(05)123', 'GS1_UNKNOWN_AI'],
    ['a value too long', `(01)${gtin}(10)${'A'.repeat(21)}`, 'GS1_TOO_LONG'],
    ['a value too short', '(01)0952', 'GS1_TOO_SHORT'],
    ['letters for digits', '(01)0952123454321X', 'GS1_BAD_CHARACTER'],
    ['a character outside set 82', `(01)${gtin}(10)Ä`, 'GS1_BAD_CHARACTER'],
    ['a companion missing', '(02)09521234543213', 'GS1_MISSING_AI'],
    ['a pair that excludes each other', `(01)${gtin}(37)5`, 'GS1_EXCLUSIVE_AIS'],
    ['a repeat that differs', `(01)${gtin}(10)A(10)B`, 'GS1_REPEATED_AI'],
    ['broken brackets', '(01', 'GS1_BAD_BRACKETS'],
    ['nothing', '\u001d', 'GS1_EMPTY'],
    ['an address without identifiers', 'https://example.com/', 'GS1_NO_LINK'],
  ])('name %s', (_, raw, code) => {
    const { valid, errors, error_codes } = gs1(raw);
    expect(valid).toBe(false);
    expect(error_codes).toContain(code);
    expect(errors).toHaveLength(error_codes.length);
  });

  it('accept GIAI, GRAI with serial and GLN of a place', () => {
    for (const raw of ['(8004)9521234ABC', '(8003)09521234543213S1', '(414)9521234543213(254)B2'])
      expect([raw, gs1(raw).errors]).toEqual([raw, []]);
    expect(gs1('(8003)09521234543213S1').decoded.segments![0]).toMatchObject({ serial: 'S1' });
  });

  it('hold at most 48 characters in a GS1-128', () => {
    const raw = `(01)${gtin}(10)${'A'.repeat(20)}(21)${'B'.repeat(20)}`;
    expect(gs1(raw).valid).toBe(true);
    expect(validate({ symbology: 'gs1-128', raw_value: raw }).error_codes).toEqual(['TOO_LONG']);
  });

  it('take two digits of a year as the specifications say', () => {
    expect([
      yearOf('27', 2026),
      yearOf('76', 2026),
      yearOf('77', 2026),
      yearOf('50', 2099),
      yearOf('49', 2099),
    ]).toEqual([2027, 2076, 1977, 2050, 2149]);
  });
});

describe('beside BWIPP', () => {
  const table = [...aiTable().values()];
  const valuesFor = (ai: Ai): fc.Arbitrary<string> =>
    fc.tuple(...ai.parts.map(partOf)).map((pieces) => pieces.join(''));
  const lettersOf = { N: '0123456789', X: cset82.replace(/[()%]/g, ''), Y: '0123456789ABCXYZ-/#', Z: 'AZaz09_-' };
  function partOf({ set, min, max, checks: names }: Ai['parts'][number]): fc.Arbitrary<string> {
    if (names.some((name) => name.startsWith('yymmd')))
      return fc.constantFrom('270131', '260228', '271200', '280229', '260229', '271301');
    if (names.includes('csum'))
      return fc
        .tuple(fc.stringMatching(new RegExp(`^[1-9]\\d{${max - 2}}$`)), fc.boolean())
        .map(([body, right]) => body + (right ? checkDigitOf(body) : '0'));
    return fc.string({ unit: fc.constantFrom(...lettersOf[set]), minLength: min, maxLength: max });
  }
  const companionsOf = (ai: Ai): string =>
    ai.requires
      .map((group) =>
        group[0]!.map((pattern) => companion(table.find((other) => matches(other.ai, pattern))!)).join(''),
      )
      .join('');
  const companion = ({ ai, parts }: Ai): string => {
    const values: Record<string, string> = {
      '01': gtin,
      '02': gtin,
      '00': '106141412345678908',
      '255': '9521234543213',
      '415': '9521234543213',
      '8017': '095212340000000109',
      '8018': '095212340000000109',
    };
    return `(${ai})${values[ai] ?? parts.map(({ max, min }) => '1'.repeat(Math.max(min, Math.min(max, 4)))).join('')}`;
  };

  it('agrees on every identifier that both know, right and wrong values alike', () => {
    const disagreements: string[] = [];
    for (const ai of table) {
      if (/^(8110|8112|8030|7258|4309)$/.test(ai.ai)) continue;
      const samples = fc.sample(valuesFor(ai), { numRuns: ai.ai.startsWith('3') ? 2 : 6, seed: 42 });
      for (const value of samples) {
        const text = `(${ai.ai})${value}${companionsOf(ai)}`;
        const theirs = oracle(text);
        const ours = gs1(text);
        if ((theirs === null) !== ours.valid)
          disagreements.push(`${text}: BWIPP ${theirs ?? 'accepts'}; ours ${ours.errors.join(' ') || 'accepts'}`);
      }
    }
    expect(disagreements).toEqual([]);
  });
});
