import { afterAll, beforeAll, expect, it } from 'vitest';
import * as batches from '../../../src/domain/batches/service.ts';
import { type TestApp, testApp } from '../../support/app.ts';
import { onEveryDatabase } from '../../support/databases.ts';
import { pagesOf, zxing } from '../../support/decode.ts';

onEveryDatabase('printing labels', (dialect) => {
  let app: TestApp;
  beforeAll(async () => {
    app = await testApp(dialect);
  });
  afterAll(() => app.close());

  const post = async (path: string, body: object) => (await app.call('POST', path, { body })).body;
  const batch = (prefix: string, start_sequence: number, end_sequence: number): Promise<{ id: number }> =>
    post('barcode-batches/', { prefix, start_sequence, end_sequence });
  const zplOf = async (id: number, query = '') => (await app.call('GET', `barcode-batches/${id}/zpl/${query}`)).text;
  const collected = async (stream: AsyncIterable<string | Buffer>) => {
    const parts: Buffer[] = [];
    for await (const part of stream) parts.push(Buffer.from(part));
    return parts;
  };

  it('gives each label of a batch once and in order, however many reads that takes', async () => {
    const { id } = await batch('SEQ-', 1, 1_201);
    const labels = (await zplOf(id)).split('\n').filter(Boolean);
    expect(labels.every((label) => /^\^XA(?:(?!\^XA|\^XZ).)*\^XZ$/.test(label))).toBe(true);
    const codes = labels.map((label) => /SEQ-\d+/.exec(label)?.[0]);
    expect(codes).toEqual(Array.from({ length: 1_201 }, (_, index) => `SEQ-${index + 1}`));
    expect((await zplOf(id, '?from=500&to=502')).match(/SEQ-\d+(?=\^FS)/g)).toEqual(
      expect.arrayContaining(['SEQ-500', 'SEQ-501', 'SEQ-502']),
    );
  });

  it('makes a PDF of a page for each label', async () => {
    const { id } = await batch('PAGE-', 1, 3);
    const printed = await batches.print(app.as('auditor'), { batch: id }, 'pdf');
    const pdf = Buffer.concat(await collected(printed.stream));
    expect(pdf.subarray(0, 5).toString()).toBe('%PDF-');
    const pages = await pagesOf(pdf, 300);
    const codes = await Promise.all(pages.map(async (page) => (await zxing(page)).map(({ text }) => text)));
    expect(codes).toEqual([['PAGE-1'], ['PAGE-2'], ['PAGE-3']]);
  });

  it('makes a PNG for each label', async () => {
    const { id } = await batch('PIC-', 1, 3);
    const { count, stream } = await batches.print(app.as('auditor'), { batch: id, from: 2 }, 'png');
    const codes = await Promise.all((await collected(stream)).map(async (png) => (await zxing(png))[0]?.text));
    expect([count, codes]).toEqual([2, ['PIC-2', 'PIC-3']]);
  });

  it('is refused before the first byte when a code does not fit the template asked for', async () => {
    await post('barcode-templates/', { name: 'Slim', symbology: 'code128', width_mm: 22, height_mm: 20 });
    const { id } = await batch('LONG-PREFIX-', 1, 2);
    for (const format of ['zpl', 'pdf']) {
      const { status, body } = await app.call('GET', `barcode-batches/${id}/${format}/?template=Slim`);
      expect([status, body.template[0]]).toEqual([400, expect.stringMatching(/LONG-PREFIX-1: .*needs .* mm/)]);
    }
  });

  it('is refused before the first byte when one of many assets does not fit', async () => {
    await post('assets/', { asset_tag: 'S1', name: 'Short', status: 'lost' });
    await post('assets/', { asset_tag: 'S2-WITH-A-MUCH-LONGER-TAG', name: 'Long', status: 'lost' });
    const asked = batches.print(app.as('admin'), { query: { status: 'lost' } }, 'zpl', { template: 'Slim' });
    await expect(asked).rejects.toMatchObject({
      fields: { template: [expect.stringContaining('S2-WITH-A-MUCH-LONGER-TAG')] },
    });
  });

  it('starts on a place that the sheet has', async () => {
    const { id } = await batch('SHEET-', 1, 2);
    const faults = async (query: string) => {
      const { status, body } = await app.call('GET', `barcode-batches/${id}/pdf/?${query}`);
      return status === 200 ? null : [status, Object.keys(body)];
    };
    expect(await faults('sheet=avery-5160&start=30')).toBeNull();
    for (const query of ['sheet=avery-5160&start=0', 'sheet=avery-5160&start=31', 'start=2'])
      expect(await faults(query)).toEqual([400, ['start']]);
  });

  it('shows on a reprint the asset that has claimed the code or taken it for a tag since', async () => {
    const { id } = await batch('SINCE-', 1, 3);
    const claimer = await post('assets/', { asset_tag: 'CLAIMER', name: 'Claimed drill' });
    await post(`assets/${claimer.id}/codes/`, { code: 'SINCE-2' });
    await post('assets/', { asset_tag: 'SINCE-3', name: 'Tagged drill' });
    const names = (await zplOf(id)).split('\n').map((label) => /(Claimed|Tagged) drill/.exec(label)?.[0] ?? null);
    expect(names.slice(0, 3)).toEqual([null, 'Claimed drill', 'Tagged drill']);
  });

  it('fills the placeholders of a template from asset and tenant', async () => {
    await post('barcode-templates/', {
      name: 'Full',
      width_mm: 100,
      height_mm: 50,
      text_template: '{{asset.asset_tag}} {{asset.custom_fields.bay}}\n{{tenant.name}}',
    });
    const custom_fields = { bay: 'B7 ^XZ' };
    const asset = await post('assets/', { asset_tag: 'FILL-1', name: 'Drill', barcode_value: 'VAL-1', custom_fields });
    const { text } = await app.call('GET', `assets/${asset.id}/label/?format=zpl&template=Full`);
    expect(text).toContain('FILL-1 B7 _5EXZ');
    expect(text).toContain('Tenant plant');
    expect(text.match(/\^XZ/g)).toHaveLength(1);
    const { stream } = await batches.print(app.as('admin'), { tags: ['FILL-1'] }, 'png', { template: 'Full' });
    expect((await zxing((await collected(stream))[0]!)).map((code) => code.text)).toEqual(['VAL-1']);
  });

  it('labels the assets of a query, more than one read of them, and those of tags', async () => {
    const ctx = app.as('admin');
    const items = Array.from({ length: 601 }, (_, index) => ({
      asset_tag: `Q-${String(index).padStart(3, '0')}`,
      name: 'Queried',
      status: 'in_maintenance',
    }));
    const made = await app.call('POST', 'assets/bulk/', { body: { items } });
    expect(made.status).toBe(200);
    let told = 0;
    const onProgress = (done: number) => {
      told = done;
    };
    const source = { query: { status: 'in_maintenance' } };
    const { count, stream } = await batches.print(ctx, source, 'zpl', { onProgress });
    const labels = Buffer.concat(await collected(stream))
      .toString()
      .split('\n')
      .filter(Boolean);
    const tags = labels.map((label) => /Q-\d{3}/.exec(label)?.[0]);
    expect([count, told, tags]).toEqual([601, 601, items.map(({ asset_tag }) => asset_tag)]);
    const tagged = await batches.print(ctx, { tags: ['Q-600', 'Q-000'] }, 'zpl');
    const text = Buffer.concat(await collected(tagged.stream)).toString();
    expect([tagged.count, text.indexOf('Q-600') < text.indexOf('Q-000')]).toEqual([2, true]);
    await expect(batches.print(ctx, { tags: ['Q-NONE', 'Q-000', 'Q-LOST'] }, 'zpl')).rejects.toMatchObject({
      status: 404,
      message: 'No asset has the tag Q-NONE, Q-LOST. Nothing was printed.',
    });
    await expect(batches.print(ctx, { query: { colour: 'red' } }, 'zpl')).rejects.toMatchObject({ status: 400 });
  });
});
