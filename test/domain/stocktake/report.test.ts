import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type TestApp, testApp } from '../../support/app.ts';
import { onEveryDatabase } from '../../support/databases.ts';
import { pagesOf } from '../../support/decode.ts';

const folder = mkdtempSync(join(tmpdir(), 'assetra-report-'));
afterAll(() => rmSync(folder, { recursive: true }));

const long =
  'A name of many words that does not fit into its column and goes on in the line below it, and in one more after that';

onEveryDatabase('the report of a session', (dialect) => {
  let app: TestApp;
  let session: number;
  beforeAll(async () => {
    app = await testApp(dialect);
    const add = async (path: string, body: object) => (await app.call('POST', path, { body })).body.id as number;
    const hall = await add('locations/', { name: 'Halle für Größen', code: 'HALL' });
    const store = await add('locations/', { name: '仓库', code: 'STORE' });
    const items = Array.from({ length: 120 }, (_, index) => ({
      asset_tag: `T-${index}`,
      name: 'Drill',
      current_location: hall,
    }));
    await app.call('POST', 'assets/bulk/', { body: { items } });
    for (const [asset_tag, name, current_location, status] of [
      ['M-1', 'Oszilloskop Größe 3', hall, 'active'],
      ['M-2', long, hall, 'active'],
      ['X-1', '测量仪器', store, 'active'],
      ['L-1', 'مضخة المياه', hall, 'lost'],
    ] as const)
      await add('assets/', { asset_tag, name, current_location, status });
    session = await add('inventory-sessions/', { name: 'Jahresinventur 2026 – 测试', location: hall });
    const codes = [...items.map(({ asset_tag }) => asset_tag), 'T-7', 'X-1', 'L-1', '=1+1', '未知代码'];
    const scans = codes.map((raw_value) => ({ raw_value, captured_at: '2026-03-01T10:00:00Z' }));
    const { body } = await app.call('POST', `inventory-sessions/${session}/count/`, {
      role: 'operator',
      body: { scans },
    });
    expect(body).toMatchObject({ counted: 125, failed: 0 });
    await app.call('POST', `inventory-sessions/${session}/close/`);
    await app.call('POST', `inventory-sessions/${session}/reconcile/`, { body: { apply_moves: true } });
  }, 60_000);
  afterAll(() => app.close());

  const report = (format: string) =>
    app.call('GET', `inventory-sessions/${session}/report/${format}`, { role: 'read_only' });
  const bytes = async () => {
    const { status, headers } = await report('?format=pdf');
    expect([status, headers.get('Content-Type')]).toEqual([200, 'application/pdf']);
    const ctx = app.as('read_only');
    const { fileOf } = await import('../../../src/domain/stocktake/service.ts');
    const { body } = await fileOf(ctx, session, 'pdf');
    const parts: Buffer[] = [];
    for await (const part of body as unknown as AsyncIterable<Buffer>) parts.push(part);
    return Buffer.concat(parts);
  };

  it('has totals and a list for each outcome as JSON', async () => {
    const { status, body } = await report('');
    expect([status, body]).toMatchObject([
      200,
      {
        site: 'Tenant plant',
        session: { id: session, status: 'reconciled', opened_by_label: 'plant-admin', closed_by_label: 'plant-admin' },
        location: { code: 'HALL' },
        totals: {
          expected: 122,
          scans: 125,
          found: 120,
          missing: 2,
          moved: 1,
          unexpected: 1,
          unknown: 2,
          left: 0,
          counted_twice: 1,
        },
        counted_by: [{ scanner: 'plant-operator', scans: 125, first_at: '2026-03-01T10:00:00.000Z' }],
        moved: [{ asset_tag: 'X-1', recorded_location: 'STORE 仓库', correction: 'move', seen_by: 'plant-operator' }],
        counted_twice: [{ asset_tag: 'T-7', counted_qty: 2, outcome: 'found' }],
      },
    ]);
    const names = (list: { asset_tag: string; barcode_value: string }[]) =>
      list.map((line) => line.asset_tag || line.barcode_value);
    expect(names(body.missing)).toEqual(['M-1', 'M-2']);
    expect(names(body.found).slice(0, 3)).toEqual(['T-0', 'T-1', 'T-2']);
    expect(names(body.unknown).sort()).toEqual(['=1+1', '未知代码']);
  });

  it('is one row a line as CSV, which a spreadsheet does not run', async () => {
    const { text, headers } = await report('?format=csv');
    expect(headers.get('Content-Disposition')).toContain(`stock-take-${session}.csv`);
    const rows = text.trimEnd().split('\r\n');
    expect(rows).toHaveLength(1 + 126);
    expect(rows[0]).toMatch(/^outcome,asset,asset_tag,asset_name,/);
    expect(rows[1]).toMatch(/^missing,\d+,M-1,Oszilloskop Größe 3,M-1,active,HALL Halle für Größen,,1,0,-1,,,$/);
    expect(text).toContain("unknown,,,,'=1+1,");
  });

  it('is a PDF with every table, every script and numbered pages', async () => {
    const file = join(folder, `${dialect}.pdf`);
    const pdf = await bytes();
    writeFileSync(file, pdf);
    const text = execFileSync('pdftotext', ['-layout', file, '-'], { encoding: 'utf8' });
    const pages = text.split('\f').filter((page) => page.trim());
    expect(pages.length).toBeGreaterThan(2);
    for (const [index, page] of pages.entries()) expect(page).toContain(`Page ${index + 1} of ${pages.length}`);
    for (const part of [
      'Stock-take: Jahresinventur 2026 – 测试',
      'Tenant plant',
      'Halle für Größen (HALL)',
      'plant-operator: 125 scans',
      'Missing (2)',
      'Oszilloskop Größe 3',
      'Here, but recorded elsewhere (1)',
      '测量仪器',
      'moved here',
      'Retired or lost, but seen (1)',
      'Unknown codes (2)',
      '未知代码',
      'Counted more than once (1)',
      'Found (120)',
      'T-119',
    ])
      expect(text).toContain(part);
    // Whatever runs over a page has its headings again.
    expect(pages.at(-1)).toMatch(/Tag +Name +First seen/);
    const pictures = await pagesOf(pdf, 60);
    expect(pictures).toHaveLength(pages.length);
    for (const picture of pictures) expect(picture.length).toBeGreaterThan(2_000);
  });

  it('refuses a format that is not there', async () => {
    expect((await report('?format=xml')).status).toBe(400);
  });
});
