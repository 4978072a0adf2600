import { describe, expect, it } from 'vitest';
import {
  type CompiledLabel,
  compile,
  type LabelData,
  pdfStream,
  toPng,
  toZpl,
  zplStream,
} from '../../src/render/labels.ts';
import { drawZpl, pagesOf, textOf, zbar, zxing } from '../support/decode.ts';

const tenant = { name: 'Sample Plant', slug: 'sample' };
const label = (symbology: string, dpi = 203, size = { width_mm: 100, height_mm: 50 }): CompiledLabel =>
  compile({ symbology, dpi, ...size });
const data = (code: string, name = 'Cordless drill'): LabelData => ({ code, tenant, asset: { name, asset_tag: code } });

async function collect(stream: AsyncIterable<Buffer | string>): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of stream) parts.push(Buffer.from(part));
  return Buffer.concat(parts);
}

const numbers = Array.from({ length: 24 }, (_, index) => index + 1);
const small = { width_mm: 40, height_mm: 20 };
const wide = { width_mm: 100, height_mm: 20 };
const gtin = '09521234543213';
/** What is encoded, what is read back, and the identifier that the symbol must announce. */
const plainly = (code: string) => code;
const withoutBrackets = (code: string) => code.replace(/[()]/g, '');
const tags = numbers.map((n) => `A-${n}`);
const pieces = numbers.map((n) => `(01)${gtin}(21)${n}`);
const batches = [
  { symbology: 'qr', aim: ']Q1', codes: tags, read: plainly, zbar: true, size: small },
  { symbology: 'code128', aim: ']C0', codes: tags, read: plainly, zbar: true, size: wide },
  { symbology: 'datamatrix', aim: ']d1', codes: tags, read: plainly, zbar: false, size: small },
  { symbology: 'gs1-128', aim: ']C1', codes: pieces, read: withoutBrackets, zbar: true, size: wide },
  { symbology: 'gs1-datamatrix', aim: ']d2', codes: pieces, read: withoutBrackets, zbar: false, size: small },
];

describe.each(batches)('24 labels of $symbology', ({ symbology, aim, codes, read, zbar: readByZbar, size }) => {
  const expected = codes.map((code) => ({ text: read(code), aim }));

  it('are read back from their ZPL', async () => {
    const compiled = label(symbology, 203, size);
    const zpl = (
      await collect(
        zplStream(
          compiled,
          codes.map((code) => data(code)),
        ),
      )
    ).toString();
    expect(zpl.match(/\^XA/g)).toHaveLength(24);
    expect(zpl.match(/\^XZ/g)).toHaveLength(24);
    const pictures = await drawZpl(zpl, compiled, 8);
    expect(pictures).toHaveLength(24);
    const found = [];
    for (const picture of pictures) found.push(...(await zxing(picture)));
    expect(found).toEqual(expected);
    if (readByZbar)
      for (const index of [0, 11, 23]) expect(await zbar(pictures[index]!)).toContain(expected[index]!.text);
  });

  it.each([203, 300, 600])('are read back from their PDF at %i dpi', async (dpi) => {
    const pdf = await collect(
      pdfStream(
        label(symbology, dpi, size),
        codes.map((code) => data(code)),
      ),
    );
    const pages = await pagesOf(pdf, dpi);
    expect(pages).toHaveLength(24);
    const found = [];
    for (const page of pages) found.push(...(await zxing(page)));
    expect(found).toEqual(expected);
    if (readByZbar) expect(await zbar(pages[7]!)).toContain(expected[7]!.text);
  });
});

/** Values that a careless label turns into commands, escapes or nothing. */
const nasty = [
  'A^B',
  '~HS',
  '^XZ^XA',
  '_5E',
  '\\',
  '>',
  'A>0B',
  'A,B',
  '"quoted"',
  'A&B',
  '^FS^FDx',
  '~JR',
  '_',
  '{{code}}',
  '%0D',
  "'; --",
  '#!$',
  '@1[x]',
];

describe('a value that looks like a command', () => {
  it.each(nasty)('%s is printed as it is', async (code) => {
    for (const symbology of ['qr', 'code128', 'datamatrix']) {
      const compiled = label(symbology);
      const zpl = toZpl(compiled, data(code, code));
      expect(zpl.match(/\^XA/g)).toHaveLength(1);
      expect(zpl.match(/\^XZ/g)).toHaveLength(1);
      expect(zpl).not.toContain('~');
      const [picture] = await drawZpl(zpl, compiled, 8);
      expect([symbology, (await zxing(picture!)).map(({ text }) => text)]).toEqual([symbology, [code]]);
    }
  });

  it('is printed as it is in PDF and PNG too', async () => {
    const pages = await pagesOf(
      await collect(
        pdfStream(
          label('qr'),
          nasty.map((code) => data(code, code)),
        ),
      ),
      203,
    );
    const found = [];
    for (const page of pages) found.push(...(await zxing(page)));
    expect(found.map(({ text }) => text)).toEqual(nasty);
    for (const code of nasty)
      expect((await zxing(toPng(label('datamatrix'), data(code)))).map(({ text }) => text)).toEqual([code]);
  });
});

describe('names in any script', () => {
  const names = ['Αντλία νερού', 'مضخة المياه', '水泵 一号', 'Насос', 'Pumpe für Öl', 'Größe № 5 – „A“'];

  it.each(names)('%s is on the label as text and in the code', async (name) => {
    const compiled = label('qr');
    const [picture] = await drawZpl(toZpl(compiled, data(name, name)), compiled, 8);
    expect((await zxing(picture!)).map(({ text }) => text)).toEqual([name]);
    const pdf = await collect(pdfStream(compiled, [data('A-1', name)]));
    const read = (await textOf(pdf)).normalize('NFKC').replace(/[\s\u200e\u200f\u202a-\u202e]/g, '');
    const letters = [...name.normalize('NFKC').replace(/\s/g, '')];
    // Tools differ in the order in which they give back what is read from right to left.
    if (/[\u0600-\u06ff]/.test(name))
      expect([...read].filter((letter) => letters.includes(letter)).length).toBeGreaterThanOrEqual(letters.length);
    else expect(read).toContain(letters.join(''));
  });

  it('are drawn by the printer itself only where its font has the letters', () => {
    const zpl = toZpl(label('qr'), data('A-1', '水泵'));
    expect(zpl).toContain('^FDSample Plant^FS');
    expect(zpl).toContain('^GFA');
    expect(toZpl(label('qr', 203, { width_mm: 50, height_mm: 25 }), data('A-1'))).not.toContain('^GFA');
  });

  it('leave dots where the picture of a name belongs', () => {
    const blank = toPng(label('qr'), data('A-1', ''));
    for (const name of names) expect(toPng(label('qr'), data('A-1', name)).length).toBeGreaterThan(blank.length + 100);
  });
});

describe('every symbology', () => {
  const samples: Record<string, [string, string]> = {
    'gs1-qr': [`(01)${gtin}(21)7`, `01${gtin}217`],
    aztec: ['A-1', 'A-1'],
    pdf417: ['A-1', 'A-1'],
    code39: ['ABC-1', 'ABC-1'],
    ean13: ['4006381333931', '4006381333931'],
    ean8: ['73513537', '73513537'],
    upca: ['036000291452', '0036000291452'],
    itf14: ['15400141288763', '15400141288763'],
    gs1: [`(8004)9521234ABC`, '80049521234ABC'],
  };

  it.each(Object.entries(samples))('%s is read back from ZPL, PDF and PNG', async (symbology, [code, text]) => {
    const compiled = label(symbology);
    const [zpl] = await drawZpl(toZpl(compiled, data(code)), compiled, 8);
    const [page] = await pagesOf(await collect(pdfStream(compiled, [data(code)])), 203);
    for (const picture of [zpl!, page!, toPng(compiled, data(code))])
      expect((await zxing(picture)).map((found) => found.text)).toEqual([text]);
  });

  it('keeps the separator of values of variable length', async () => {
    const code = `(01)${gtin}(10)ABC(21)99`;
    for (const symbology of ['gs1-128', 'gs1-datamatrix', 'gs1-qr']) {
      const compiled = label(symbology);
      const [picture] = await drawZpl(toZpl(compiled, data(code)), compiled, 8);
      expect((await zxing(picture!)).map(({ text }) => text)).toEqual([`01${gtin}10ABC\u001d2199`]);
    }
  });
});
