import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { symbologies as offered } from '../../src/domain/templates/resource.ts';
import { setText, widthOf } from '../../src/render/fonts.ts';
import {
  checkFits,
  compile,
  getLayout,
  getSheet,
  listLayouts,
  listSheets,
  pdfStream,
  symbologies,
  toPng,
  toZpl,
} from '../../src/render/labels.ts';
import { pagesOf, zxing } from '../support/decode.ts';

const base = { symbology: 'qr', width_mm: 50, height_mm: 25, dpi: 203 };
const data = {
  code: 'DEMO-1',
  asset: { name: 'Drill', asset_tag: 'DEMO-1', custom_fields: { room: '12' } },
  tenant: { name: 'Plant', slug: 'plant' },
};
const fieldsOf = (work: () => unknown): string[] => {
  try {
    work();
  } catch (error) {
    return Object.keys((error as { fields?: object }).fields ?? {});
  }
  return [];
};

async function collect(stream: AsyncIterable<Buffer | string>): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of stream) parts.push(Buffer.from(part));
  return Buffer.concat(parts);
}

describe('a template', () => {
  it.each([
    [{ symbology: 'code49' }, 'symbology'],
    [{ dpi: 200 }, 'dpi'],
    [{ width_mm: 2 }, 'width_mm'],
    [{ text_template: '{{asset' }, 'text_template'],
    [{ text_template: '{{constructor}}' }, 'text_template'],
    [{ text_template: '{{asset.__proto__.x}}' }, 'text_template'],
    [{ zpl_template: '^XA^FO10,10^FD{{code}}^FS~JR^XZ' }, 'zpl_template'],
    [{ zpl_template: '^JUS' }, 'zpl_template'],
    [{ zpl_template: '^FO{{code}},1^FDx^FS' }, 'zpl_template'],
    [{ zpl_template: '^FDa^FS^XZ^XA^FDb^FS' }, 'zpl_template'],
    [{ zpl_template: '^DFR:X.GRF^FS' }, 'zpl_template'],
  ])('%j is refused on its field', (change, field) => {
    expect(fieldsOf(() => compile({ ...base, ...change }))).toEqual([field]);
  });

  it('fills its own ZPL, every value escaped', () => {
    const label = compile({
      ...base,
      zpl_template: '^XA\n^FO20,20^A0N,30,30\r\n^FD{{code}} {{asset.custom_fields.room}}^FS\n^XZ',
    });
    const zpl = toZpl(label, { ...data, code: 'A^XZ~JR' });
    expect(zpl).toContain('^FH_^FDA_5EXZ_7EJR 12^FS');
    expect(zpl).not.toContain('~');
    expect(zpl.match(/\^X[AZ]/g)).toEqual(['^XA', '^XZ']);
    // A server that is no printer takes no line of it for a command.
    expect(zpl.trim()).not.toMatch(/[\r\n]/);
  });

  it('fills its texts line by line and leaves out what is empty', () => {
    const zpl = toZpl(
      compile({ ...base, text_template: '{{code}}\nRoom {{asset.custom_fields.room}}\n{{asset.description}}' }),
      data,
    );
    expect(zpl).toContain('^FDRoom 12^FS');
    expect(zpl.match(/\^A0N/g)).toHaveLength(2);
  });
});

describe('a code that does not fit', () => {
  it('is refused with the width that it needs', () => {
    const label = compile({ ...base, symbology: 'code128' });
    expect(() => checkFits(label, { code: 'ASSET-0123456789-LONG' })).toThrow(
      /needs \d+\.\d mm in width, and the 50 × 25 mm label has 47\.5 mm/,
    );
    expect(() => checkFits(label, { code: 'A-1' })).not.toThrow();
  });

  it('is refused alike by ZPL, PDF and PNG', async () => {
    const label = compile({ ...base, symbology: 'code128' });
    const item = { code: 'ASSET-0123456789-LONG' };
    expect(() => toZpl(label, item)).toThrow('does not fit');
    expect(() => toPng(label, item)).toThrow('does not fit');
    await expect(collect(pdfStream(label, [item]))).rejects.toThrow('does not fit');
  });

  it('may fit at a finer resolution only as far as scanners read it', () => {
    const code = 'ASSET-0123456789-LONG';
    for (const dpi of [203, 300, 600])
      expect(() => checkFits(compile({ ...base, symbology: 'code128', dpi }), { code })).toThrow('does not fit');
  });

  it.each([
    ['code128', 'Ω'],
    ['ean13', '4006381333930'],
    ['ean13', 'A'],
    ['itf14', '1'],
    ['gs1-128', 'A-1'],
    ['gs1-datamatrix', '(01)123'],
    ['qr', ''],
    ['qr', 'x'.repeat(5_000)],
  ])('or cannot be a %s (%s) is refused on the code', (symbology, code) => {
    expect(
      fieldsOf(() => checkFits(compile({ ...base, symbology, width_mm: 100 }), { code: code.slice(0, 5_000) })),
    ).toEqual(['code']);
  });
});

describe('texts', () => {
  it('shrink, then end in an ellipsis, and never leave their place', () => {
    for (const text of ['short', 'a name that is rather long', 'x'.repeat(200), '水'.repeat(80), 'مضخة '.repeat(30)]) {
      const set = setText(text, 30, 200);
      expect(set.width).toBeLessThanOrEqual(200.01);
      expect(widthOf(set.text, set.size)).toBeCloseTo(set.width, 3);
      expect(set.size).toBeGreaterThanOrEqual(18);
    }
    expect(setText('x'.repeat(200), 30, 200).text).toMatch(/^x+…$/);
  });
});

describe('what is shipped', () => {
  it('has every size and sheet that is promised', () => {
    expect(listLayouts().map(({ name }) => name)).toEqual(
      expect.arrayContaining(['25x25', '38x25', '50x25', '50x30', '57x32', '76x51', '100x50', '100x150']),
    );
    expect(listSheets().map(({ name }) => name)).toEqual(
      expect.arrayContaining(['avery-l7651', 'avery-l7160', 'avery-l7163', 'avery-5160', 'avery-5163', 'avery-5267']),
    );
    expect(getSheet('5160')).toEqual(getSheet('Avery-5160'));
    expect(() => getSheet('nothing')).toThrow(/There are: avery-/);
    expect(() => getLayout('1x1')).toThrow(/There are: 100x150/);
  });

  it('keeps every element on its label, and every label on its paper', () => {
    for (const { name, width_mm, height_mm, elements } of listLayouts())
      for (const { x, y, width, height } of elements)
        expect([name, x + width <= width_mm, y + height <= height_mm]).toEqual([name, true, true]);
    for (const sheet of listSheets()) {
      const right = sheet.margin_left_mm + (sheet.columns - 1) * sheet.pitch_x_mm + sheet.label_width_mm;
      const bottom = sheet.margin_top_mm + (sheet.rows - 1) * sheet.pitch_y_mm + sheet.label_height_mm;
      expect([sheet.name, right <= sheet.paper_width_mm, bottom <= sheet.paper_height_mm]).toEqual([
        sheet.name,
        true,
        true,
      ]);
    }
  });

  it.each(listLayouts().map(({ name }) => name))('%s is read back', async (name) => {
    const layout = getLayout(name);
    const label = compile({ ...base, width_mm: layout.width_mm, height_mm: layout.height_mm, layout });
    expect((await zxing(toPng(label, data))).map(({ text }) => text)).toEqual(['DEMO-1']);
  });

  it.each(listSheets().map(({ name }) => name))('%s is filled from its start place, label by label', async (name) => {
    const sheet = getSheet(name);
    const label = compile({ ...base, width_mm: sheet.label_width_mm, height_mm: sheet.label_height_mm });
    const perPage = sheet.columns * sheet.rows;
    const items = Array.from({ length: perPage }, (_, index) => ({ ...data, code: `S-${index}` }));
    const pages = await pagesOf(await collect(pdfStream(label, items, { sheet, start: perPage, outline: true })), 300);
    expect(pages).toHaveLength(2);
    expect((await zxing(pages[0]!)).map(({ text }) => text)).toEqual(['S-0']);
    const rest = (await zxing(pages[1]!)).map(({ text }) => text);
    expect(new Set(rest)).toEqual(new Set(items.slice(1).map(({ code }) => code)));
  });

  it('is what the API offers', () => {
    expect([...offered].sort()).toEqual([...symbologies].sort());
  });

  it("gives way to a site's own file of the same name", () => {
    const folder = mkdtempSync(join(tmpdir(), 'assetra-templates-'));
    mkdirSync(join(folder, 'labels'));
    const own = { ...getLayout('50x25'), elements: [{ type: 'symbol', x: 1, y: 1, width: 20, height: 20 }] };
    writeFileSync(join(folder, 'labels', 'own.json'), JSON.stringify(own));
    expect(getLayout('50x25', folder).elements).toHaveLength(1);
    writeFileSync(join(folder, 'labels', 'broken.json'), '{');
    expect(() => listLayouts(folder)).toThrow(/broken\.json is not a valid template/);
    rmSync(folder, { recursive: true });
  });

  it('moves by the calibration of the printer', async () => {
    const label = compile(base);
    const at = async (offsetX: number) => (await collect(pdfStream(label, [data], { offsetX, offsetY: 1 }))).length;
    expect(await at(0)).toBeGreaterThan(1_000);
    expect(await at(2.5)).toBeGreaterThan(1_000);
  });
});
