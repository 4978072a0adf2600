import { afterAll, beforeAll, expect, it } from 'vitest';
import * as templates from '../../../src/domain/templates/service.ts';
import { type TestApp, testApp } from '../../support/app.ts';
import { onEveryDatabase } from '../../support/databases.ts';

onEveryDatabase('label templates', (dialect) => {
  let app: TestApp;
  beforeAll(async () => {
    app = await testApp(dialect);
  });
  afterAll(() => app.close());

  const create = (body: object, tenant = app.plant) => app.call('POST', 'barcode-templates/', { body, tenant });
  const defaults = async (tenant = app.plant): Promise<string[]> => {
    const { body } = await app.call('GET', 'barcode-templates/?is_default=true', { tenant });
    return body.results.map(({ name }: { name: string }) => name);
  };

  it('are made by those who write', async () => {
    for (const role of ['auditor', 'read_only'] as const)
      expect((await app.call('POST', 'barcode-templates/', { role, body: { name: 'Not mine' } })).status).toBe(403);
    const { status, body } = await app.call('POST', 'barcode-templates/', {
      role: 'operator',
      body: { name: 'Plain' },
    });
    expect(status).toBe(201);
    expect(body).toMatchObject({ symbology: 'qr', width_mm: 50, height_mm: 25, dpi: 203, is_default: false });
    expect((await create({ name: 'Plain' })).status).toBe(409);
  });

  it('keep what they were when a change of them cannot be printed', async () => {
    const { body } = await create({ name: 'Steady', text_template: '{{code}}' });
    for (const [field, value] of [
      ['text_template', '{{asset.}}'],
      ['zpl_template', '^XA^FD{{code^FS^XZ'],
      ['dpi', 204],
    ] as const) {
      const refused = await app.call('PATCH', `barcode-templates/${body.id}/`, { body: { [field]: value } });
      expect([refused.status, Object.keys(refused.body)]).toEqual([400, [field]]);
    }
    expect((await app.call('GET', `barcode-templates/${body.id}/`)).body).toEqual(body);
  });

  it('hand the default on, each tenant its own', async () => {
    await create({ name: 'Other default', is_default: true }, app.other);
    await create({ name: 'First', is_default: true });
    const { body } = await create({ name: 'Second' });
    await app.call('PATCH', `barcode-templates/${body.id}/`, { body: { is_default: true } });
    expect([await defaults(), await defaults(app.other)]).toEqual([['Second'], ['Other default']]);
    await app.call('PATCH', `barcode-templates/${body.id}/`, { body: { is_default: false } });
    expect(await defaults()).toEqual([]);
  });

  it('have one default when several claim it at once', async () => {
    const names = Array.from({ length: 6 }, (_, index) => `Claim ${index}`);
    const answers = await Promise.all(names.map((name) => create({ name, is_default: true })));
    expect(answers.map(({ status }) => status)).toEqual(names.map(() => 201));
    expect(await defaults()).toHaveLength(1);
  });

  it('are found by name, by identity, or by the size of one that is shipped', async () => {
    const ctx = app.as('operator');
    const { body } = await create({ name: 'Findable' });
    expect(await templates.named(ctx, 'Findable')).toMatchObject({ id: body.id });
    expect(await templates.named(ctx, String(body.id))).toMatchObject({ name: 'Findable' });
    expect(await templates.named(ctx, '100x50')).toMatchObject({ symbology: 'qr', width_mm: 100, height_mm: 50 });
    expect(await templates.idOfNamed(ctx, 'Findable')).toBe(body.id);
  });

  it('that are not there are told with those that are, and never another tenant’s', async () => {
    const { body } = await create({ name: 'Secret' }, app.other);
    const ctx = app.as('operator');
    for (const reference of ['Secret', String(body.id), 'nothing']) {
      const fault = await templates.named(ctx, reference).catch((error: Error) => error);
      expect(fault).toMatchObject({ status: 400, fields: { template: [expect.stringContaining('50x25')] } });
      expect(JSON.stringify(fault).replace(`"${reference}"`, '')).not.toContain('There are: Secret');
    }
  });

  it('leave their batches to the default when they are deleted', async () => {
    const { body } = await create({ name: 'Leaving', symbology: 'datamatrix', width_mm: 40 });
    const numbers = { template: body.id, prefix: 'LEFT-', start_sequence: 1, end_sequence: 1 };
    const batch = (await app.call('POST', 'barcode-batches/', { body: numbers })).body;
    const zpl = async () => (await app.call('GET', `barcode-batches/${batch.id}/zpl/`)).text;
    expect(await zpl()).toContain('^PW320');
    expect((await app.call('DELETE', `barcode-templates/${body.id}/`)).status).toBe(204);
    expect((await app.call('GET', `barcode-batches/${batch.id}/`)).body.template).toBeNull();
    expect(await zpl()).toContain('^PW400');
  });
});
