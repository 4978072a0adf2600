import { readFileSync } from 'node:fs';
import bwipjs from 'bwip-js/node';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { candidates, decodeImage, validate } from '../../../src/domain/barcodes/service.ts';

describe('validate', () => {
  it.each([
    ['code128', 'A-1', true],
    ['code128', 'Ä', false],
    ['qr', 'Ωμέγα 中文', true],
    ['qr', 'x'.repeat(2_954), false],
    ['datamatrix', 'A-1', true],
    ['ean13', '4006381333931', true],
    ['ean13', '4006381333930', false],
    ['EAN-13', '400638133393', false],
    ['ean8', '73513537', true],
    ['upca', '036000291452', true],
    ['itf14', '15400141288763', true],
    ['itf14', '1540014128876X', false],
    ['code39', 'ABC-1', true],
    ['code39', 'abc', false],
    ['pdf417', 'anything', true],
    ['aztec', 'anything', true],
    ['unknown', 'a serial line', true],
    ['unknown', '   ', false],
    ['code49', 'x', false],
    ['constructor', 'x', false],
    ['GS1 DataMatrix', '(8004)9521234ABC', true],
    ['gs1-qr', '(8004)9521234ABC', true],
    ['gs1', '', false],
  ])('%s %s: %s', (symbology, raw_value, valid) => {
    const answer = validate({ symbology, raw_value });
    expect(answer.valid).toBe(valid);
    expect(answer.errors.length > 0).toBe(!valid);
    expect(answer.decoded).toMatchObject({ raw: raw_value });
    expect(answer.decoded.decoded_at).toMatch(/^\d{4}-.*Z$/);
  });

  it('takes the symbology from the AIM identifier where none is named', () => {
    expect(validate({ raw_value: ']C0A-1' }).decoded).toMatchObject({
      symbology: 'code128',
      aim_id: ']C0',
      value: 'A-1',
    });
    expect(validate({ raw_value: ']C10109521234543213' }).decoded).toMatchObject({
      symbology: 'gs1',
      gtin14: '09521234543213',
    });
    expect(validate({ raw_value: ']E04006381333930' })).toMatchObject({
      valid: false,
      decoded: { symbology: 'ean13' },
    });
    expect(validate({ raw_value: ']X0whatever' })).toMatchObject({
      valid: true,
      decoded: { symbology: 'unknown', aim_id: ']X0' },
    });
  });

  it.each([
    ['qr', ']C0A-1', ['AIM_MISMATCH']],
    ['datamatrix', ']C180049521234ABC', ['AIM_MISMATCH']],
    ['gs1-128', ']d280049521234ABC', ['AIM_MISMATCH']],
    ['gs1-datamatrix', ']Q380049521234ABC', ['AIM_MISMATCH']],
    ['gs1-128', ']C180049521234ABC', []],
    ['gs1-qr', ']Q1https://id.gs1.org/8004/9521234ABC', []],
    ['gs1', ']C080049521234ABC', []],
    ['upca', ']E00036000291452', []],
    ['ean13', ']E473513537', ['AIM_MISMATCH', 'BAD_LENGTH']],
    ['code39', ']A0abc', ['BAD_CHARACTER']],
    ['code39', ']A4abc', []],
    ['qr', ']X0whatever', []],
  ])('%s announced as %s: %j', (symbology, raw_value, codes) => {
    expect(validate({ symbology, raw_value }).error_codes).toEqual(codes);
  });

  it('reads a GS1 symbol as GS1 even where only its carrier is named', () => {
    const { decoded } = validate({ symbology: 'datamatrix', raw_value: ']d20109521234543213' });
    expect(decoded).toMatchObject({ symbology: 'gs1', gtin14: '09521234543213' });
  });

  it('takes 2 of 5 of another length than ITF-14, and an article with add-on, for unknown', () => {
    for (const raw_value of [']I0123456', ']E3978020137962412345'])
      expect(validate({ raw_value })).toMatchObject({ valid: true, decoded: { symbology: 'unknown' } });
    expect(validate({ raw_value: ']I115400141288763' }).decoded.symbology).toBe('itf14');
  });

  it('gives one GTIN for a UPC-A in each form that scanners send', () => {
    const forms = [
      validate({ symbology: 'upca', raw_value: '036000291452' }),
      validate({ symbology: 'upca', raw_value: ']E00036000291452' }),
      validate({ raw_value: ']E00036000291452' }),
      validate({ symbology: 'gs1', raw_value: '(01)00036000291452' }),
    ];
    expect(forms.map(({ decoded }) => decoded.gtin14)).toEqual(Array(4).fill('00036000291452'));
  });

  it('tells the check digit that should be', () => {
    expect(validate({ symbology: 'ean13', raw_value: '4006381333930' }).decoded.check_digit).toEqual({
      present: true,
      ok: false,
      expected: '1',
      actual: '0',
    });
  });

  it('never throws, whatever the text', () => {
    // Half surrogates and NUL are of these too.
    const unit = fc.oneof(
      fc.constantFrom('\0', '\ud800', '\udfff'),
      fc.nat(0xffff).map((code) => String.fromCharCode(code)),
    );
    const halves = fc.string({ unit, maxLength: 12 });
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string().map((tail) => `(01)${tail}`),
      fc.string().map((tail) => `]C1${tail}`),
      halves.map((tail) => `(01)09521234543213(10)${tail}`),
      halves.map((tail) => `https://id.gs1.org/01/09521234543213/10/${tail}`),
      halves,
    );
    const name = fc.constantFrom('gs1', 'gs1-128', 'qr', 'ean13', 'unknown', 'constructor', 'nonsense', '');
    fc.assert(
      fc.property(name, text, (symbology, raw_value) => {
        expect(typeof validate({ symbology, raw_value }).valid).toBe('boolean');
        expect(Array.isArray(candidates(raw_value).lookups)).toBe(true);
      }),
      { numRuns: 500 },
    );
    for (const long of [
      '('.repeat(100_000),
      '(01)'.repeat(25_000),
      '9'.repeat(100_000),
      '\u001d'.repeat(100_000),
      `https://x/${'01/'.repeat(30_000)}`,
      `(99)${'('.repeat(100_000)}`,
      `(01)09521234543213${'(21)a'.repeat(20_000)}`,
      `https://x/01/09521234543213?${'10=a&'.repeat(20_000)}`,
    ])
      expect(validate({ symbology: 'gs1', raw_value: long }).valid).toBe(false);
  });
});

describe('candidates', () => {
  it('find one article in each length of its number', () => {
    expect(candidates(']E00036000291452').lookups).toContain('036000291452');
    expect(candidates('036000291452').lookups).toContain('0036000291452');
    expect(candidates('04006381333931').lookups).toContain('4006381333931');
  });

  it('find an asset by GIAI, GRAI and GTIN with serial, and a place by its number', () => {
    expect(candidates(']C180049521234ABC').lookups[0]).toBe('9521234ABC');
    expect(candidates('(8003)09521234543213S1').lookups[0]).toBe('9521234543213S1');
    expect(candidates('(01)09521234543213(21)7').lookups).toContain('(01)09521234543213(21)7');
    expect(candidates('(414)9521234543213(254)B2').lookups).toContain('9521234543213-B2');
  });

  it('never take a serial alone, or the article of one piece, for an asset', () => {
    const { lookups } = candidates('(01)09521234543213(21)7');
    expect(lookups).not.toContain('7');
    expect(lookups).not.toContain('9521234543213');
  });

  it('are the same of a Digital Link, with what it says', () => {
    const link = candidates('https://id.gs1.org/01/09521234543213/21/7');
    const { lookups, gs1 } = candidates(']d20109521234543213217');
    expect(link.lookups).toEqual(lookups);
    expect(gs1!.segments).toMatchObject([{ ai: '01' }, { ai: '21', serial: '7' }]);
    expect(link.gs1).toEqual(gs1);
  });

  it('leave digits alone that are no article number', () => {
    expect(candidates('20260001')).toEqual({ text: '20260001', lookups: [] });
  });

  it('leave a plain text alone but for blanks and the identifier', () => {
    expect(candidates(' ]C0A-1')).toEqual({ text: ']C0A-1', lookups: [] });
    expect(candidates(']C0 A-1 ')).toEqual({ text: 'A-1', lookups: [] });
  });
});

const drawn = (bcid: string, text: string): Promise<Buffer> =>
  bwipjs.toBuffer({ bcid, text, scale: 3, paddingwidth: 10, paddingheight: 10, backgroundcolor: 'ffffff' });

describe('decodeImage', () => {
  it('reads every code of a picture, in any script', async () => {
    const png = await drawn('qrcode', 'Ωμέγα 中文');
    const [code] = await decodeImage(png);
    expect(code).toMatchObject({ symbology: 'qr', format: 'QRCode', aim_id: ']Q1', value: 'Ωμέγα 中文' });
    expect(Buffer.from(code!.raw_base64, 'base64').toString()).toBe('Ωμέγα 中文');
    expect(code!.position).toHaveLength(4);
  });

  it('reads a JPEG', async () => {
    const jpeg = readFileSync(new URL('qr.jpg', import.meta.url));
    expect(await decodeImage(jpeg)).toMatchObject([{ symbology: 'qr', value: 'A-1' }]);
  });

  it.each([
    ['gs1-128', '(01)09521234543213(10)A(21)7', 'gs1', '010952123454321310A\u001d217'],
    ['gs1datamatrix', '(01)09521234543213(10)A(21)7', 'gs1', '010952123454321310A\u001d217'],
    ['gs1qrcode', '(01)09521234543213(10)A(21)7', 'gs1', '010952123454321310A\u001d217'],
    ['code128', 'A-1', 'code128', 'A-1'],
    ['code39', 'A-1', 'code39', 'A-1'],
    ['datamatrix', 'A-1', 'datamatrix', 'A-1'],
    ['ean13', '4006381333931', 'ean13', '4006381333931'],
    ['ean8', '73513537', 'ean8', '73513537'],
    ['upca', '036000291452', 'ean13', '0036000291452'],
    ['itf14', '15400141288763', 'itf14', '15400141288763'],
    ['pdf417', 'A-1', 'pdf417', 'A-1'],
    ['azteccode', 'A-1', 'aztec', 'A-1'],
    ['interleaved2of5', '123456', 'unknown', '123456'],
  ])('reads %s as validate takes it', async (bcid, text, symbology, value) => {
    const found = await decodeImage(await drawn(bcid, text));
    expect(found).toMatchObject([{ symbology, value }]);
    expect(validate({ symbology, raw_value: found[0]!.aim_id + found[0]!.value }).errors).toEqual([]);
  });

  it('finds nothing on an empty picture', async () => {
    const pixel = readFileSync(new URL('../../support/pixel.png', import.meta.url));
    expect(await decodeImage(pixel)).toEqual([]);
  });

  it.each(['GIF89a', '%PDF-1.7', ''])('refuses "%s", which is no picture', async (text) => {
    await expect(decodeImage(Buffer.from(text))).rejects.toMatchObject({ code: 'malformed', status: 415 });
  });

  it('refuses a damaged picture, and reads the next', async () => {
    const png = await drawn('qrcode', 'A-1');
    for (const length of [8, 20, 40, Math.floor(png.length / 2)])
      await expect(decodeImage(png.subarray(0, length))).rejects.toMatchObject({ code: 'invalid' });
    const overwritten = Buffer.from(png).fill(0, 40);
    await expect(decodeImage(overwritten)).rejects.toMatchObject({ code: 'invalid' });
    expect(await decodeImage(png)).toHaveLength(1);
  });

  it('refuses a picture that would fill the memory, by its head alone', async () => {
    const png = Buffer.from(await drawn('qrcode', 'A-1'));
    png.writeUInt32BE(100_000, 16);
    png.writeUInt32BE(100_000, 20);
    await expect(decodeImage(png)).rejects.toThrow('16 million pixels');
    // Start of image, a fill byte, start of frame: 65,535 by 65,535.
    const jpeg = Buffer.from('ffd8ffffc0001108ffffffff03012200021101031101', 'hex');
    await expect(decodeImage(jpeg)).rejects.toThrow('16 million pixels');
  });
});
