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
    ['a range of days', `(01)${gtin}(7007)270131270228`, { date: '2027-01-31/2027-02-28' }],
    ['one day of harvest', `(01)${gtin}(7007)270131`, { date: '2027-01-31' }],
    ['an hour', `(01)${gtin}(8008)27013115`, { date: '2027-01-31T15:00' }],
    ['a second', `(01)${gtin}(8008)270131153045`, { date: '2027-01-31T15:30:45' }],
    ['a day of birth', '(8018)095212340000000105(7250)19700228', { date: '1970-02-28' }],
    ['a temperature', '(00)106141412345678908(4331)001850-', { decimal: '-18.50', unit: '°C' }],
    ['a share', '(255)9521234543213(3941)0125', { decimal: '12.5', unit: '%' }],
    ['a whole measure', `(01)${gtin}(3100)000010`, { decimal: '10', unit: 'kg' }],
    ['the serial of a coupon', '(255)952123454321377', { serial: '77' }],
  ])('give %s typed', (_, raw, meaning) => {
    const { valid, errors, decoded } = gs1(raw);
    expect([valid, errors]).toEqual([true, []]);
    const [one, two] = decoded.segments!;
    expect(two ?? one).toMatchObject(meaning);
  });

  it('give no meaning to a value that breaks the rules', () => {
    expect(gs1(`(01)${gtin}(17)271301`).decoded.segments![1]).toEqual({
      ai: '17',
      title: 'USE BY or EXPIRY',
      value: '271301',
    });
  });

  it('tell the check digit of a GTIN that should be', () => {
    const { decoded } = gs1('(01)09521234543214');
    expect(decoded.check_digit).toEqual({ present: true, ok: false, expected: '3', actual: '4' });
    expect(decoded).not.toHaveProperty('gtin14');
  });

  it('need a separator after a value of variable length', () => {
    expect(gs1(`01${gtin}10ABC21991234567890123456789`).error_codes).toEqual(['GS1_TOO_LONG']);
    expect(gs1(`10ABC\u001d01${gtin}`).valid).toBe(true);
    // With a separator after a value of fixed length, as some printers write it.
    expect(gs1(`01${gtin}\u001d10ABC`).valid).toBe(true);
  });

  it('keep what looks like an identifier within the value of an address', () => {
    const { valid, decoded } = gs1(`https://id.gs1.org/01/${gtin}/10/A(21)7/`);
    expect(valid).toBe(true);
    expect(decoded.segments!.map(({ ai, value }) => [ai, value])).toEqual([
      ['01', gtin],
      ['10', 'A(21)7'],
    ]);
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
    // 16 and 22 characters, a separator, and 9 more.
    const full = `(01)${gtin}(10)${'A'.repeat(20)}(21)${'B'.repeat(7)}`;
    expect(validate({ symbology: 'gs1-128', raw_value: full }).errors).toEqual([]);
    expect(validate({ symbology: 'GS1-128', raw_value: `${full}B` }).error_codes).toEqual(['TOO_LONG']);
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
  /** Of each check, values on both sides of its rule. */
  const samples: Record<string, string[]> = {
    yymmd0: ['270131', '260228', '271200', '280229', '260229', '271301'],
    yymmdd: ['270131', '260228', '271200', '280229', '260229', '271301'],
    yyyymmdd: ['19700228', '20000229', '19000229', '19701301'],
    hhmi: ['0000', '2359', '2400', '1260'],
    hh: ['00', '15', '23', '24'],
    mi: ['00', '30', '59', '60', ''],
    ss: ['00', '30', '59', '60', ''],
    iso3166: ['276', '300', '250', '001'],
    iso3166alpha2: ['DE', 'GR', 'QQ'],
    iso4217: ['978', '840', '000'],
    latitude: ['0900000000', '1800000000', '1800000001'],
    longitude: ['0000000000', '3600000000', '3600000001'],
    hyphen: ['-', 'x', ''],
    zero: ['0', '1'],
    yesno: ['0', '1', '2'],
    iso5218: ['0', '2', '9', '3'],
    winding: ['0', '1', '9', '5'],
    mediatype: ['01', '80', '11'],
    pieceoftotal: ['0102', '0202', '0201', '0000'],
    iban: ['DE89370400440532013000', 'DE89370400440532013001', 'GB82WEST12345698765432'],
    csumalpha: ['1987654Ad4X4bL5ttr2310c2K', '1987654Ad4X4bL5ttr2310c2L'],
    packagetype: ['4H', 'PLP', 'ZZZ'],
    posinseqslash: ['1/2', '2/2', '2/1', '0/1', '1-2'],
  };
  function partOf({ set, min, max, checks: names }: Ai['parts'][number]): fc.Arbitrary<string> {
    const known = names.find((name) => name in samples);
    if (known) return fc.constantFrom(...samples[known]!);
    if (names.includes('csum'))
      return fc
        .tuple(fc.stringMatching(new RegExp(`^[1-9]\\d{${max - 2}}$`)), fc.boolean())
        .map(([body, right]) => body + (right ? checkDigitOf(body) : '0'));
    if (names.includes('gcppos1')) return fc.constantFrom('9521234AB', '9521234', 'A9521234');
    return fc.string({ unit: fc.constantFrom(...lettersOf[set]), minLength: min, maxLength: max });
  }
  /** What must stand beside an AI, and beside that in turn; each value is one that both accept. */
  function companionsOf(ai: Ai, present = new Map([[ai.ai, '']])): string {
    for (const group of ai.requires) {
      const choices = group.map((together) => together.map((pattern) => table.find(({ ai }) => matches(ai, pattern))!));
      if (choices.some((together) => together.every((other) => present.has(other.ai)))) continue;
      for (const other of choices[0]!.filter(({ ai }) => !present.has(ai))) {
        present.set(other.ai, `(${other.ai})${plainValue(other)}`);
        companionsOf(other, present);
      }
    }
    return [...present.values()].join('');
  }
  const plainValue = ({ parts }: Ai): string =>
    parts
      .filter(({ optional }) => !optional)
      .map(({ min, max, checks: names }) => {
        const digits = '1'.repeat(Math.max(min, Math.min(max, 4)));
        if (names.includes('iso3166')) return '276';
        return names.includes('csum') ? digits.slice(0, -1) + checkDigitOf(digits.slice(0, -1)) : digits;
      })
      .join('');

  it('knows the same identifiers, none less and none more', () => {
    const numbers = [2, 3, 4].flatMap((length) =>
      Array.from({ length: 10 ** length }, (_, number) => String(number).padStart(length, '0')),
    );
    const theirs = numbers.filter((ai) => !oracle(`(${ai})`)?.includes('GS1unknownAI'));
    expect(theirs).toEqual(numbers.filter((ai) => aiTable().has(ai)));
    expect(theirs.length).toBeGreaterThan(500);
  });

  const day = fc.constantFrom('270131', '260228', '280229', '271200');
  const letters = fc.string({ unit: fc.constantFrom(...'AZaz09-/._'), minLength: 1, maxLength: 20 });
  const article = fc
    .tuple(fc.stringMatching(/^[1-9]\d{12}$/), fc.option(letters), fc.option(day), fc.option(letters))
    .map(([body, lot, expiry, serial]) => [
      ['01', body + checkDigitOf(body)] as const,
      ...(lot ? [['10', lot] as const] : []),
      ...(expiry ? [['17', expiry] as const] : []),
      ...(serial ? [['21', serial] as const] : []),
    ]);
  const inBrackets = (elements: readonly (readonly [string, string])[]) =>
    elements.map(([ai, value]) => `(${ai})${value}`).join('');

  it('accepts what is right, in brackets and as a symbol carries it', () => {
    fc.assert(
      fc.property(article, (elements) => {
        const text = inBrackets(elements);
        expect(oracle(text)).toBeNull();
        const { valid, decoded } = gs1(text);
        expect(valid).toBe(true);
        for (const other of [`]C1${decoded.element_string}`, decoded.element_string!]) {
          const again = gs1(other);
          expect([again.valid, again.decoded.bracketed]).toEqual([true, text]);
        }
        const link = gs1(decoded.digital_link!);
        expect(link.valid).toBe(true);
        expect(new Set(link.decoded.bracketed!.match(/\(\d+\)[^(]*/g))).toEqual(new Set(text.match(/\(\d+\)[^(]*/g)));
      }),
      { numRuns: 50, seed: 7 },
    );
  });

  it('refuses a changed check digit or date', () => {
    fc.assert(
      fc.property(article, fc.integer({ min: 1, max: 9 }), (elements, more) => {
        const [[, good], ...rest] = elements as [readonly [string, string], ...(readonly [string, string])[]];
        const wrong = good.slice(0, -1) + String((Number(good.at(-1)) + more) % 10);
        const misread = inBrackets([['01', wrong], ...rest]);
        const noDay = inBrackets([['01', good], ['11', `27023${more % 2}`], ...rest]);
        for (const text of [misread, noDay]) {
          expect(oracle(text)).toMatch(/bad(Checksum|Day)/);
          expect(gs1(text).error_codes).toContain(text === misread ? 'GS1_BAD_CHECK_DIGIT' : 'GS1_BAD_DATE');
        }
      }),
      { numRuns: 50, seed: 7 },
    );
  });

  it('agrees on every identifier, right and wrong values alike', () => {
    const disagreements: string[] = [];
    const accepted = new Set<string>();
    for (const ai of table) {
      for (const value of fc.sample(valuesFor(ai), { numRuns: /^3[1-6]/.test(ai.ai) ? 2 : 10, seed: 7 })) {
        const text = `(${ai.ai})${value}${companionsOf(ai)}`;
        const theirs = oracle(text);
        const ours = gs1(text);
        if (ours.valid) accepted.add(ai.ai);
        if ((theirs === null) !== ours.valid)
          disagreements.push(`${text}: BWIPP ${theirs ?? 'accepts'}; ours ${ours.errors.join(' ') || 'accepts'}`);
      }
    }
    expect(disagreements).toEqual([]);
    // The inner structure of coupons (North America) is left to the till; what both refuse would prove nothing.
    expect(table.map(({ ai }) => ai).filter((ai) => !accepted.has(ai))).toEqual(['8110', '8112']);
  });
});
