import { afterAll, beforeAll, expect, it } from 'vitest';
import { partNames, presetTypes } from '../../src/domain/presets/resource.ts';
import { type TestApp, testApp } from '../support/app.ts';
import { onEveryDatabase } from '../support/databases.ts';

onEveryDatabase('industry presets', (dialect) => {
  let app: TestApp;
  beforeAll(async () => {
    app = await testApp(dialect);
  });
  afterAll(() => app.close());

  const create = (body: object) => app.call('POST', 'industry-presets/', { body });
  const apply = (id: number, role: 'admin' | 'operator' = 'admin') =>
    app.call('POST', `industry-presets/${id}/apply/`, { role });

  it.each(presetTypes)('makes everything of the shipped preset %s once', async (preset_type) => {
    const { status, body } = await create({ preset_type });
    expect([status, body.name.toLowerCase()]).toEqual([201, preset_type]);
    expect((await apply(body.id, 'operator')).status).toBe(403);
    const made = (await apply(body.id)).body;
    for (const part of partNames) {
      expect(made[part].existing).toEqual([]);
      expect(made[part].created).toHaveLength(body.config[part].length);
    }
    const again = (await apply(body.id)).body;
    for (const part of partNames) expect(again[part]).toEqual({ created: [], existing: made[part].created });
    const [top, below] = made.categories.created;
    const child = (await app.call('GET', `asset-categories/${below}/`)).body;
    if (body.config.categories[1].parent === body.config.categories[0].code) expect(child.parent).toBe(top);
    for (const form of made.forms.created)
      expect((await app.call('GET', `form-definitions/${form}/`)).body.is_active).toBe(false);
  });

  it('makes what is missing beside what a site has changed', async () => {
    const categories = [
      { code: 'OWN', name: 'Own' },
      { code: 'OWN-2', name: 'Below', parent: 'OWN' },
    ];
    await app.call('POST', 'asset-categories/', { body: { code: 'OWN', name: 'As we call it' } });
    const { id } = (await create({ name: 'Ours', preset_type: 'general', config: { categories } })).body;
    const { body } = await apply(id);
    expect([body.categories.existing.length, body.categories.created.length]).toEqual([1, 1]);
    const kept = (await app.call('GET', 'asset-categories/?code=OWN')).body.results[0];
    expect(kept.name).toBe('As we call it');
  });

  it('makes nothing when a part of it is faulty, and says which', async () => {
    const config = {
      categories: [{ code: 'HALF', name: 'Half' }],
      workflows: [{ name: 'w', trigger_type: 'x', steps: [] }],
    };
    const { id } = (await create({ name: 'Bad', preset_type: 'general', config })).body;
    const { status, body } = await apply(id);
    expect([status, Object.keys(body.config.workflows[0])]).toEqual([400, ['trigger_type', 'steps']]);
    expect((await app.call('GET', 'asset-categories/?code=HALF')).body.count).toBe(0);
    const orphan = { categories: [{ code: 'ORPHAN', name: 'x', parent: 'NOWHERE' }] };
    const lost = (await create({ name: 'Orphan', preset_type: 'general', config: orphan })).body;
    expect((await apply(lost.id)).body).toHaveProperty(['config', 'categories', '0', 'parent']);
    expect((await create({ preset_type: 'general', config: { forms: 'none' } })).status).toBe(400);
    await app.call('PATCH', `industry-presets/${lost.id}/`, { body: { is_active: false } });
    expect((await apply(lost.id)).status).toBe(400);
  });
});
