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

  it('refuses an AIM identifier of another symbology, and takes UPC-A as scanners announce it', () => {
    expect(validate({ symbology: 'qr', raw_value: ']C0A-1' }).error_codes).toEqual(['AIM_MISMATCH']);
    expect(validate({ symbology: 'upca', raw_value: ']E00036000291452' }).valid).toBe(true);
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
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string().map((tail) => `(01)${tail}`),
      fc.string().map((tail) => `]C1${tail}`),
      fc.webUrl(),
    );
    const name = fc.constantFrom('gs1', 'gs1-128', 'qr', 'ean13', 'unknown', 'nonsense', '');
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

  it('leave a plain text alone but for blanks and the identifier', () => {
    expect(candidates(' ]C0A-1')).toEqual({ text: ']C0A-1', lookups: [] });
    expect(candidates(']C0 A-1 ')).toEqual({ text: 'A-1', lookups: [] });
  });
});

describe('decodeImage', () => {
  it('reads every code of a picture, in any script', async () => {
    const png = await bwipjs.toBuffer({
      bcid: 'qrcode',
      text: 'Ωμέγα 中文',
      scale: 4,
      paddingwidth: 10,
      paddingheight: 10,
      backgroundcolor: 'ffffff',
    });
    const [code] = await decodeImage(png);
    expect(code).toMatchObject({ symbology: 'QRCode', value: 'Ωμέγα 中文' });
    expect(Buffer.from(code!.raw_base64, 'base64').toString()).toBe('Ωμέγα 中文');
    expect(code!.position).toHaveLength(4);
  });

  it('refuses what is no picture, is damaged or would fill the memory', async () => {
    await expect(decodeImage(Buffer.from('GIF89a'))).rejects.toMatchObject({ status: 415 });
    const png = await bwipjs.toBuffer({ bcid: 'code128', text: 'A' });
    await expect(decodeImage(png.subarray(0, 20))).rejects.toMatchObject({ status: 400 });
    const bomb = Buffer.from(png);
    bomb.writeUInt32BE(100_000, 16);
    bomb.writeUInt32BE(100_000, 20);
    await expect(decodeImage(bomb)).rejects.toMatchObject({ status: 400 });
    const broken = Buffer.from(png);
    broken.fill(0, 40);
    await expect(decodeImage(broken).then((found) => found.length))
      .resolves.toBe(0)
      .catch(() => undefined);
  });
});
