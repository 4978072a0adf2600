import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as batches from '../../src/domain/batches/service.ts';
import { type TestApp, testApp } from '../support/app.ts';
import { onEveryDatabase } from '../support/databases.ts';
import { pagesOf, zxing } from '../support/decode.ts';

onEveryDatabase('label batches', (dialect) => {
  let app: TestApp;
  beforeAll(async () => {
    app = await testApp(dialect);
  });
  afterAll(() => app.close());

  const create = (body: object, role: 'admin' | 'auditor' = 'admin') =>
    app.call('POST', 'barcode-batches/', { body, role });
  const codesOf = async (status: string, prefix: string) => {
    const { body } = await app.call('GET', `asset-codes/?status=${status}&search=${prefix}&page_size=500`);
    return body.results.map((row: { code: string }) => row.code);
  };

  it('write their labels and register their codes, unclaimed', async () => {
    const { status, body } = await create({ prefix: 'AA-', start_sequence: 9, end_sequence: 11 });
    expect(status).toBe(201);
    expect(body).toMatchObject({ status: 'ready', progress: 100, generated_by: app.userId('admin') });
    const labels = await app.call('GET', `barcode-batches/${body.id}/labels/`);
    expect(labels.body.results.map((row: { code_value: string }) => row.code_value)).toEqual([
      'AA-9',
      'AA-10',
      'AA-11',
    ]);
    expect(await codesOf('unclaimed', 'AA-')).toEqual(['AA-10', 'AA-11', 'AA-9']);
  });

  it('of ten thousand labels are written at once', async () => {
    const { body } = await create({ prefix: 'BIG-', start_sequence: 1, end_sequence: 10_000 });
    const page = await app.call('GET', `barcode-batches/${body.id}/labels/?page=200`);
    expect(page.body).toMatchObject({ count: 10_000, next: null });
    expect(page.body.results.at(-1).code_value).toBe('BIG-10000');
  });

  it('refuse a code that another batch has printed, and write nothing then', async () => {
    await create({ prefix: 'CC-', start_sequence: 5, end_sequence: 6 });
    const clash = await create({ prefix: 'CC-', start_sequence: 1, end_sequence: 5 });
    expect([clash.status, clash.body.detail]).toEqual([409, expect.stringContaining('CC-5')]);
    expect(await codesOf('unclaimed', 'CC-')).toEqual(['CC-5', 'CC-6']);
    expect((await app.call('GET', 'barcode-batches/?search=CC-')).body.count).toBe(1);
  });

  it('link a label to the asset that has its code for a tag', async () => {
    const asset = (await app.call('POST', 'assets/', { body: { asset_tag: 'DD-2', name: 'Drill' } })).body;
    const { body } = await create({ prefix: 'DD-', start_sequence: 1, end_sequence: 2 });
    const labels = (await app.call('GET', `barcode-batches/${body.id}/labels/`)).body.results;
    expect(labels.map((row: { asset: number | null }) => row.asset)).toEqual([null, asset.id]);
    expect(await codesOf('unclaimed', 'DD-')).toEqual(['DD-1']);
    const zpl = await app.call('GET', `barcode-batches/${body.id}/zpl/`);
    expect(
      zpl.text
        .split('\n')
        .filter(Boolean)
        .map((line) => line.includes('Drill')),
    ).toEqual([false, true]);
  });

  it('cannot be renumbered, and go with their unclaimed codes', async () => {
    const { body } = await create({ prefix: 'EE-', start_sequence: 1, end_sequence: 3 });
    const asset = (await app.call('POST', 'assets/', { body: { asset_tag: 'EE-X', name: 'x' } })).body;
    await app.call('POST', `assets/${asset.id}/codes/`, { body: { code: 'EE-2' } });
    const claimed = await app.call('GET', `barcode-batches/${body.id}/labels/?asset=${asset.id}`);
    expect(claimed.body.results.map((row: { code_value: string }) => row.code_value)).toEqual(['EE-2']);
    const renumbered = await app.call('PATCH', `barcode-batches/${body.id}/`, { body: { end_sequence: 9 } });
    expect([renumbered.status, Object.keys(renumbered.body)]).toEqual([400, ['end_sequence']]);
    expect((await app.call('DELETE', `barcode-batches/${body.id}/`)).status).toBe(204);
    expect([await codesOf('unclaimed', 'EE-'), await codesOf('active', 'EE-')]).toEqual([[], ['EE-2']]);
  });

  it('are refused when their longest code does not fit the template', async () => {
    const template = (
      await app.call('POST', 'barcode-templates/', {
        body: { name: 'Narrow', symbology: 'code128', width_mm: 25, height_mm: 25 },
      })
    ).body;
    const { status, body } = await create({
      template: template.id,
      prefix: 'LONG-PREFIX-',
      start_sequence: 1,
      end_sequence: 5,
    });
    expect([status, body.template[0]]).toEqual([400, expect.stringContaining('does not fit')]);
    expect((await app.call('DELETE', `barcode-templates/${template.id}/`)).status).toBe(204);
  });

  it('print a range as PDF and ZPL, on sheets too', async () => {
    const { body } = await create({ prefix: 'FF-', start_sequence: 1, end_sequence: 40 });
    const ctx = app.as('auditor');
    const printed = await batches.print(ctx, { batch: body.id, from: 5, to: 8 }, 'pdf', { sheet: '5160', start: 29 });
    const parts: Buffer[] = [];
    for await (const part of printed.stream) parts.push(Buffer.from(part));
    const pages = await pagesOf(Buffer.concat(parts), 300);
    const found = await Promise.all(pages.map(async (page) => (await zxing(page)).map(({ text }) => text)));
    expect([printed.count, found]).toEqual([
      4,
      [
        ['FF-5', 'FF-6'],
        ['FF-7', 'FF-8'],
      ],
    ]);
    const zpl = await app.call('GET', `barcode-batches/${body.id}/zpl/?from=39&to=99`);
    expect(zpl.text.match(/\^XA/g)).toHaveLength(2);
    for (const query of ['from=x', 'nonsense=1', 'from=41'])
      expect((await app.call('GET', `barcode-batches/${body.id}/zpl/?${query}`)).status).toBeGreaterThanOrEqual(400);
    const sheet = await app.call('GET', `barcode-batches/${body.id}/pdf/?sheet=nothing`);
    expect([sheet.status, Object.keys(sheet.body)]).toEqual([400, ['sheet']]);
  });

  describe('templates', () => {
    const template = (body: object) =>
      app.call('POST', 'barcode-templates/', { body: { name: `T${Math.random()}`, ...body } });

    it('that cannot be printed are refused on their field, and nothing is stored', async () => {
      const before = (await app.call('GET', 'barcode-templates/')).body.count;
      for (const [field, value] of [
        ['zpl_template', '~JR'],
        ['text_template', '{{nonsense}}'],
        ['dpi', 96],
        ['symbology', 'code49'],
        ['width_mm', 0],
      ]) {
        const { status, body } = await template({ [field as string]: value });
        expect([status, Object.keys(body)]).toEqual([400, [field]]);
      }
      expect((await app.call('GET', 'barcode-templates/')).body.count).toBe(before);
    });

    it('have one default at most, which prints what names no template', async () => {
      const first = (await template({ is_default: true })).body;
      const second = (await template({ is_default: true, symbology: 'datamatrix' })).body;
      expect((await app.call('GET', `barcode-templates/${first.id}/`)).body.is_default).toBe(false);
      const asset = (await app.call('POST', 'assets/', { body: { asset_tag: 'GG-1', name: 'x' } })).body;
      expect((await app.call('GET', `assets/${asset.id}/label/?format=zpl`)).text).toContain('^BXN');
      await app.call('DELETE', `barcode-templates/${second.id}/`);
      expect((await app.call('GET', `assets/${asset.id}/label/?format=zpl&template=25x25`)).text).toContain('^PW200');
      const png = await app.call('GET', `assets/${asset.id}/label/?format=gif`);
      expect([png.status, Object.keys(png.body)]).toEqual([400, ['format']]);
    });
  });
});
