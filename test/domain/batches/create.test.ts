import { afterAll, beforeAll, expect, it } from 'vitest';
import { type TestApp, testApp } from '../../support/app.ts';
import { onEveryDatabase } from '../../support/databases.ts';

onEveryDatabase('a batch', (dialect) => {
  let app: TestApp;
  beforeAll(async () => {
    app = await testApp(dialect);
  });
  afterAll(() => app.close());

  const post = async (path: string, body: object) => (await app.call('POST', path, { body })).body;
  const create = (body: object) => app.call('POST', 'barcode-batches/', { body });
  const template = (name: string, symbology: string, width_mm = 100) =>
    post('barcode-templates/', { name, symbology, width_mm, height_mm: 40 });
  const count = async (path: string) => (await app.call('GET', path)).body.count as number;

  it('is refused to roles that do not write, who may still read and print one', async () => {
    const body = { prefix: 'ROLE-', start_sequence: 1, end_sequence: 1 };
    for (const role of ['auditor', 'read_only'] as const)
      expect((await app.call('POST', 'barcode-batches/', { role, body })).status).toBe(403);
    expect(await count('barcode-batches/?search=ROLE-')).toBe(0);
    const made = await app.call('POST', 'barcode-batches/', { role: 'operator', body });
    expect(made.status).toBe(201);
    expect((await app.call('GET', `barcode-batches/${made.body.id}/zpl/`, { role: 'auditor' })).status).toBe(200);
  });

  it('is its tenant’s own: neither template nor labels cross over, and codes may repeat', async () => {
    const theirs = await app.call('POST', 'barcode-templates/', { tenant: app.other, body: { name: 'Theirs' } });
    const numbers = { prefix: 'OWN-', start_sequence: 1, end_sequence: 2 };
    const crossed = await create({ ...numbers, template: theirs.body.id });
    expect([crossed.status, crossed.body]).toEqual([400, { template: ['Barcode template not found.'] }]);
    const { body } = await create(numbers);
    expect((await app.call('POST', 'barcode-batches/', { tenant: app.other, body: numbers })).status).toBe(201);
    for (const path of ['labels', 'zpl', 'pdf'])
      expect((await app.call('GET', `barcode-batches/${body.id}/${path}/`, { tenant: app.other })).status).toBe(403);
  });

  it('ends no lower than it starts', async () => {
    const { status, body } = await create({ prefix: 'BACK-', start_sequence: 2, end_sequence: 1 });
    expect([status, Object.keys(body)]).toEqual([400, ['end_sequence']]);
  });

  it('is refused when any of its codes breaks the rules of the symbology, not only its last', async () => {
    const { id } = await template('Article', 'ean13');
    const codes = (prefix: string, start_sequence: number, end_sequence = start_sequence) =>
      create({ template: id, prefix, start_sequence, end_sequence });
    const mixed = await codes('400638133393', 0, 1);
    expect([mixed.status, mixed.body.template[0]]).toEqual([400, expect.stringContaining('4006381333930')]);
    const withoutCheckDigit = await codes('40063813339', 3);
    expect([withoutCheckDigit.status, withoutCheckDigit.body.template[0]]).toEqual([
      400,
      expect.stringContaining('13 digits'),
    ]);
    expect(await count('asset-codes/?search=4006381')).toBe(0);
    expect((await codes('400638133393', 1)).status).toBe(201);
  });

  it('is refused when a shorter code needs more room than the longest', async () => {
    // 20 mm for the symbol: four digits, packed in pairs, take 19.3 mm, and three take 22.
    const narrow = await template('Narrow numbers', 'code128', 22);
    const numbers = { template: narrow.id, prefix: '' };
    const { status, body } = await create({ ...numbers, start_sequence: 999, end_sequence: 1000 });
    expect([status, body.template[0]]).toEqual([400, expect.stringMatching(/^999: .*needs [\d.]+ mm in width/)]);
    expect((await create({ ...numbers, start_sequence: 1000, end_sequence: 1001 })).status).toBe(201);
  });

  it('cannot be given a template that its codes do not fit, and prints as before', async () => {
    const narrow = await template('Too narrow', 'code128', 20);
    const wide = await template('Wide enough', 'code128');
    const { body } = await create({ prefix: 'LONG-PREFIX-', start_sequence: 1, end_sequence: 2 });
    const change = (id: number) => app.call('PATCH', `barcode-batches/${body.id}/`, { body: { template: id } });
    const refused = await change(narrow.id);
    expect([refused.status, Object.keys(refused.body)]).toEqual([400, ['template']]);
    expect((await app.call('GET', `barcode-batches/${body.id}/`)).body.template).toBeNull();
    expect((await change(wide.id)).body.template).toBe(wide.id);
  });

  it('links a label to the asset that a scan of its code finds', async () => {
    const named = await post('assets/', { asset_tag: 'LINK-1', name: 'By tag' });
    const coded = await post('assets/', { asset_tag: 'LINK-OTHER', name: 'By code' });
    await post(`assets/${coded.id}/codes/`, { code: 'LINK-2' });
    const { body } = await create({ prefix: 'LINK-', start_sequence: 1, end_sequence: 3 });
    const labels = (await app.call('GET', `barcode-batches/${body.id}/labels/`)).body.results;
    expect(labels.map((label: { asset: number | null }) => label.asset)).toEqual([named.id, coded.id, null]);
    expect(labels[2].render_payload).toEqual({ code: 'LINK-3', symbology: 'qr', template: '50x25' });
    expect(await count(`barcode-batches/${body.id}/labels/?asset=${coded.id}`)).toBe(1);
  });

  it('prints no code that was revoked', async () => {
    const asset = await post('assets/', { asset_tag: 'REVOKED-TAG', name: 'Drill' });
    const code = await post(`assets/${asset.id}/codes/`, { code: 'REV-2' });
    await app.call('PATCH', `asset-codes/${code.id}/`, { body: { status: 'revoked' } });
    const { status, body } = await create({ prefix: 'REV-', start_sequence: 1, end_sequence: 3 });
    expect([status, body.detail]).toEqual([409, expect.stringContaining('REV-2')]);
    expect([await count('barcode-batches/?search=REV-'), await count('asset-codes/?search=REV-')]).toEqual([0, 1]);
  });

  it('wins alone when two of the same numbers are made at once', async () => {
    const numbers = { prefix: 'RACE-', start_sequence: 1, end_sequence: 1500 };
    const answers = await Promise.all([create(numbers), create(numbers), create(numbers)]);
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409]);
    expect([await count('barcode-batches/?search=RACE-'), await count('asset-codes/?search=RACE-')]).toEqual([1, 1500]);
  });

  it('of ten thousand labels goes with all of its codes', async () => {
    const { body } = await create({ prefix: 'GONE-', start_sequence: 1, end_sequence: 10_000 });
    const kept = await create({ prefix: 'GONE-', start_sequence: 10_001, end_sequence: 10_002 });
    expect((await app.call('DELETE', `barcode-batches/${body.id}/`)).status).toBe(204);
    expect((await app.call('GET', `barcode-batches/${body.id}/labels/`)).status).toBe(404);
    expect(await count('asset-codes/?search=GONE-')).toBe(2);
    expect(await count(`barcode-batches/${kept.body.id}/labels/`)).toBe(2);
    expect((await create({ prefix: 'GONE-', start_sequence: 5, end_sequence: 6 })).status).toBe(201);
  });
});
