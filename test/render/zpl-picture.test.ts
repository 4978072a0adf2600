/** What the simulated printer shows is what the label says: drawn from its ZPL, and read again. */
import { describe, expect, it } from 'vitest';
import { compile, toZpl } from '../../src/render/labels.ts';
import { pictureOf } from '../../src/render/zpl-picture.ts';
import { zxing } from '../support/decode.ts';

const large = { width_mm: 100, height_mm: 50 };
const gs1 = '(01)09521234543213(17)270101(10)ABC-1(21)12345';
const codes: [string, string, string][] = [
  ['qr', 'A-100', ']Q1'],
  ['qr', 'Größe 日本', ']Q2'],
  ['code128', 'ASSET-000123', ']C0'],
  ['gs1-128', gs1, ']C1'],
  ['datamatrix', 'A-100', ']d1'],
  ['gs1-datamatrix', gs1, ']d2'],
  ['ean13', '9521234543213', ']E0'],
  ['aztec', 'A-100', ']z0'],
  ['pdf417', 'A-100', ']L2'],
];

describe('the picture of a ZPL label', () => {
  it.each(codes)('shows %s %s', async (symbology, code, aim) => {
    for (const dpi of [203, 300, 600]) {
      const label = compile({ ...large, symbology, dpi });
      const zpl = toZpl(label, { code, asset: { name: 'Drill ^ ~ _' }, tenant: { name: 'Plant', slug: 'plant' } });
      const [read] = await zxing(pictureOf(zpl, label.dotsPerMm));
      expect(read?.text.replaceAll('\u001d', '')).toBe(code.replace(/[()]/g, ''));
      expect(read!.aim.slice(0, 2)).toBe(aim.slice(0, 2));
    }
  });

  it('leaves a label empty that a printer could not encode', async () => {
    expect(await zxing(pictureOf('^XA^PW400^LL200^FO10,10^BEN,100,N,N^FDno digits^FS^XZ', 8))).toEqual([]);
  });
});
