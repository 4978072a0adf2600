import { afterAll, beforeAll, expect, it } from 'vitest';
import { type TestApp, testApp } from '../../support/app.ts';
import { onEveryDatabase } from '../../support/databases.ts';
import { unique } from '../../support/samples.ts';
import { change, historyOf, newAsset, read, send, sync } from './client.ts';

const minutes = (count: number) => new Date(Date.now() + count * 60_000).toISOString();

onEveryDatabase('offline edits of assets', (dialect) => {
  let app: TestApp;
  beforeAll(async () => {
    app = await testApp(dialect);
  });
  afterAll(() => app.close());

  const edit = (asset: { id: number; updated_at: string }, fields: object, captured_at = minutes(0)) => ({
    id: asset.id,
    base_updated_at: asset.updated_at,
    captured_at,
    fields,
  });
  const push = (device: string, ...asset_changes: object[]) => sync(app, { device, asset_changes });
  const statusesOf = ({ results }: { results: { status: string }[] }) => results.map(({ status }) => status);
  const journal = (id: number) =>
    app.database.query<{ resolution: string | null }>(
      'SELECT resolution FROM sync_conflicts WHERE asset_id = ? ORDER BY id',
      [id],
    );

  it('over the version that is there are written under the usual rules, with history, and told back', async () => {
    const asset = await newAsset(app);
    const sent = edit(asset, { name: ' Saw ', status: 'retired', id: 5, tenant: 9, unknown: 1 });
    const answer = await push('tablet-1', sent);
    expect([statusesOf(answer), answer.conflicts]).toEqual([['applied'], []]);
    const row = await read(app, asset.id);
    expect(row).toMatchObject({ id: asset.id, name: 'Saw', status: 'retired', tenant: app.plant.id });
    expect(row.retired_at).not.toBeNull();
    const record = (await historyOf(app, asset.id)).at(-1);
    expect(record).toMatchObject({ event_type: 'retire', previous_state: { name: 'Drill', status: 'active' } });
    expect(record.new_state.sync).toMatchObject({ device: 'tablet-1', claimed: sent.captured_at });
    expect(record.created_at).toBe(row.updated_at);
    const sql = "SELECT device FROM change_log WHERE entity = 'asset' AND entity_id = ? AND op = 'update'";
    expect(await app.database.query(sql, [asset.id])).toEqual([{ device: 'tablet-1' }]);
  });

  it('of different fields are merged without a conflict', async () => {
    const asset = await newAsset(app);
    await change(app, asset.id, { name: 'Saw' });
    const answer = await push('a', edit(asset, { description: 'blunt' }, minutes(-60)));
    expect([statusesOf(answer), answer.conflicts]).toEqual([['applied'], []]);
    expect(await read(app, asset.id)).toMatchObject({ name: 'Saw', description: 'blunt' });
  });

  it('that are later than what was written meanwhile win, and what they replace is kept', async () => {
    const asset = await newAsset(app);
    await push('a', edit(asset, { name: 'from a', description: 'a' }, minutes(-30)));
    const answer = await push('b', edit(asset, { name: 'from b' }, minutes(-20)));
    expect(statusesOf(answer)).toEqual(['conflict']);
    expect(answer.conflicts).toMatchObject([
      { asset_id: String(asset.id), field: 'name', local_value: 'from b', server_value: 'from a', winner: 'local' },
    ]);
    for (const value of Object.values(answer.conflicts[0])) expect(typeof value).toBe('string');
    expect(await read(app, asset.id)).toMatchObject({ name: 'from b', description: 'a' });
    const record = (await historyOf(app, asset.id)).at(-1);
    expect(record).toMatchObject({ event_type: 'reconcile', previous_state: { name: 'from a' } });
    expect(record.new_state.conflict.id).toBe(Number(answer.conflicts[0].id));
  });

  it('that are earlier lose, field by field, and what lost is kept', async () => {
    const asset = await newAsset(app);
    await change(app, asset.id, { name: 'web', custom_fields: { colour: 'blue' } });
    const fields = { name: 'phone', custom_fields: { colour: 'red' }, description: 'new' };
    const answer = await push('a', edit(asset, fields, minutes(-60)));
    expect(answer.conflicts).toMatchObject([
      { field: 'name', local_value: 'phone', server_value: 'web', winner: 'server', reason: 'overwritten' },
      { field: 'custom_fields', local_value: '{"colour":"red"}', server_value: '{"colour":"blue"}', winner: 'server' },
    ]);
    expect(await read(app, asset.id)).toMatchObject({
      name: 'web',
      custom_fields: { colour: 'blue' },
      description: 'new',
    });
    const lost = (await historyOf(app, asset.id)).filter(
      ({ event_type }: { event_type: string }) => event_type === 'reconcile',
    );
    expect(lost.map(({ previous_state }: { previous_state: object }) => previous_state)).toEqual([
      { name: 'phone' },
      { custom_fields: { colour: 'red' } },
    ]);
  });

  it('of a clock that is days ahead or behind count as made now, or when their version was made', async () => {
    const asset = await newAsset(app);
    await push('ahead', edit(asset, { name: 'ahead' }, minutes(2 * 24 * 60)));
    const later = await change(app, asset.id, { name: 'web' });
    expect(await read(app, asset.id)).toMatchObject({ name: 'web' });
    const behind = await push('behind', edit(later, { name: 'behind' }, minutes(-2 * 24 * 60)));
    expect([statusesOf(behind), behind.conflicts]).toEqual([['applied'], []]);
    const third = await newAsset(app);
    await change(app, third.id, { name: 'web' });
    const old = await push('behind', edit(third, { name: 'old' }, minutes(-2 * 24 * 60)));
    expect(old.conflicts).toMatchObject([{ winner: 'server', local_value: 'old' }]);
  });

  it('that say what another one says count by their own time, whichever comes first', async () => {
    const ends = [];
    for (const order of [
      ['late', 'early'],
      ['early', 'late'],
    ] as const) {
      const asset = await newAsset(app);
      const base = Date.parse(asset.updated_at);
      const at = (ms: number) => new Date(base + ms).toISOString();
      await new Promise((resolve) => setTimeout(resolve, 40));
      const edits = { late: edit(asset, { name: 'same' }, at(30)), early: edit(asset, { name: 'other' }, at(20)) };
      await push('first', edit(asset, { name: 'same' }, at(10)));
      for (const device of order) await push(device, edits[device]);
      ends.push((await read(app, asset.id)).name);
    }
    expect(ends).toEqual(['same', 'same']);
  });

  it('sent again with their keys in another order are the same edits', async () => {
    const asset = await newAsset(app);
    await change(app, asset.id, { name: 'web', metadata: { a: 1 } });
    const sent = edit(asset, { name: 'phone', metadata: { b: 1, c: 2 } }, minutes(-60));
    const first = await push('a', sent);
    const turned = Object.fromEntries(Object.entries(sent).reverse());
    const again = await push('a', { ...turned, fields: { metadata: { c: 2, b: 1 }, name: 'phone' } });
    expect([statusesOf(again), again.conflicts]).toEqual([['duplicate'], first.conflicts]);
    expect(await journal(asset.id)).toHaveLength(2);
  });

  it('captured at one moment end alike in every order', async () => {
    const at = minutes(-10);
    const orders = [
      ['x', 'y', 'z'],
      ['z', 'y', 'x'],
      ['y', 'z', 'x'],
    ];
    const ends = [];
    for (const order of orders) {
      const asset = await newAsset(app);
      for (const device of order) await push(device, edit(asset, { name: `from ${device}` }, at));
      ends.push((await read(app, asset.id)).name);
      expect(await journal(asset.id)).toHaveLength(2);
    }
    expect(ends).toEqual(['from z', 'from z', 'from z']);
  });

  it('of one device replace its own in the order of its clock, also of one that is wrong', async () => {
    for (const days of [-2, 0, 2]) {
      const asset = await newAsset(app);
      const at = (second: number) => minutes(days * 24 * 60 - 1 + second / 60);
      const edits = [edit(asset, { name: 'z first' }, at(1)), edit(asset, { name: 'a second' }, at(2))];
      const answer = await push('own', ...edits);
      expect([days, statusesOf(answer)]).toEqual([days, ['applied', 'applied']]);
      expect((await read(app, asset.id)).name).toBe('a second');
    }
  });

  it('sent again change nothing and tell the same conflicts', async () => {
    const asset = await newAsset(app);
    await change(app, asset.id, { name: 'web' });
    const sent = [edit(asset, { name: 'phone', description: 'mine' }, minutes(-60))];
    const first = await push('a', ...sent);
    await change(app, asset.id, { description: 'theirs' });
    const history = (await historyOf(app, asset.id)).length;
    const second = await push('a', ...sent);
    expect([statusesOf(second), second.conflicts]).toEqual([['duplicate'], first.conflicts]);
    expect(await read(app, asset.id)).toMatchObject({ name: 'web', description: 'theirs' });
    expect((await historyOf(app, asset.id)).length).toBe(history);
    expect(await journal(asset.id)).toHaveLength(1);
  });

  it('that come twice at once are merged once', async () => {
    const asset = await newAsset(app);
    await change(app, asset.id, { name: 'web' });
    const gone = await newAsset(app);
    await app.call('DELETE', `assets/${gone.id}/`);
    const sent = [edit(asset, { name: 'phone' }, minutes(-60)), edit(gone, { name: 'phone' })];
    const answers = await Promise.all([1, 2, 3, 4].map(() => push('a', ...sent)));
    expect(new Set(answers.map(({ conflicts }) => JSON.stringify(conflicts))).size).toBe(1);
    expect([await journal(asset.id), await journal(gone.id)].map(({ length }) => length)).toEqual([1, 1]);
  });

  it('of a deleted asset are conflicts and leave a history record', async () => {
    const asset = await newAsset(app);
    await app.call('DELETE', `assets/${asset.id}/`);
    const answer = await push('a', edit(asset, { name: 'phone', status: 'lost' }));
    expect(answer.conflicts).toMatchObject([
      { asset_id: String(asset.id), field: 'name', local_value: 'phone', server_value: '', reason: 'deleted' },
      { field: 'status', local_value: 'lost' },
    ]);
    const sql = 'SELECT event_type FROM asset_state_history WHERE asset_id = ? ORDER BY id';
    const kept = await app.database.query<{ event_type: string }>(sql, [asset.id]);
    expect(kept.map(({ event_type }) => event_type)).toEqual(['create', 'delete', 'reconcile', 'reconcile']);
    const keep = { conflict_id: answer.conflicts[0].id, resolution: 'keep_local' };
    const refused = await sync(app, { conflict_acknowledgements: [keep] });
    expect([refused.acknowledged_conflicts, statusesOf(refused)]).toEqual([[], ['rejected']]);
  });

  it('that the rules of assets refuse are conflicts of those fields alone', async () => {
    const [asset, other] = [await newAsset(app), await newAsset(app)];
    const foreign = await app.call('POST', 'locations/', { tenant: app.other, body: { name: 'X', code: unique('L') } });
    const fields = {
      name: 'Saw',
      status: 'no such',
      asset_tag: other.asset_tag,
      current_location: foreign.body.id,
      parent_asset: asset.id,
      barcode_type: 'morse\0\ud800',
    };
    const answer = await push('a', edit(asset, fields));
    expect(
      answer.conflicts.map(({ field, reason }: { field: string; reason: string }) => [field, reason]).sort(),
    ).toEqual(
      ['asset_tag', 'barcode_type', 'current_location', 'parent_asset', 'status'].map((field) => [field, 'refused']),
    );
    expect(await read(app, asset.id)).toMatchObject({ ...asset, name: 'Saw', updated_at: expect.any(String) });
  });

  it('that are malformed or of no asset of the tenant are rejected and kept raw, and leave the others standing', async () => {
    const asset = await newAsset(app);
    const foreign = await app.call('POST', 'assets/', { tenant: app.other, body: { asset_tag: 'F', name: 'F' } });
    const bad = [null, {}, edit({ ...asset, id: 999_999_999 }, { name: 'x' }), edit(foreign.body, { name: 'x' })];
    const nasty = { name: 'Saw', custom_fields: { half: '\ud800' } };
    const answer = await push('a', ...(bad as object[]), edit(asset, nasty), edit(asset, { description: 'fine' }));
    expect(statusesOf(answer).slice(0, 4)).toEqual(['rejected', 'rejected', 'rejected', 'rejected']);
    expect(statusesOf(answer)[5]).toBe('applied');
    expect(answer.results[2].detail).toBe(answer.results[3].detail);
    const sql = "SELECT COUNT(*) AS count FROM sync_quarantine WHERE kind = 'asset_change'";
    expect((await app.database.query<{ count: number }>(sql))[0]!.count).toBeGreaterThanOrEqual(4);
  });

  it('an acknowledgement settles a conflict once; keep_local writes the value that lost', async () => {
    const asset = await newAsset(app);
    await change(app, asset.id, { name: 'web', description: 'web' });
    const lost = await push('a', edit(asset, { name: 'phone', description: 'phone' }, minutes(-60)));
    const [name, description] = lost.conflicts;
    const acknowledgements = [
      { conflict_id: name.id, resolution: 'keep_local', resolved_at: minutes(0) },
      { conflict_id: description.id, resolution: 'accept_server', resolved_at: minutes(0) },
    ];
    for (const status of ['applied', 'duplicate']) {
      const answer = await sync(app, { conflict_acknowledgements: acknowledgements });
      expect(answer.acknowledged_conflicts).toEqual([name.id, description.id]);
      expect(statusesOf(answer)).toEqual([status, status]);
      expect(await read(app, asset.id)).toMatchObject({ name: 'phone', description: 'web' });
    }
    expect((await journal(asset.id)).map(({ resolution }) => resolution)).toEqual(['keep_local', 'accept_server']);
    const record = (await historyOf(app, asset.id)).at(-1);
    expect(record).toMatchObject({
      event_type: 'reconcile',
      previous_state: { name: 'web' },
      new_state: { name: 'phone' },
    });
    await change(app, asset.id, { name: 'later' });
    await sync(app, { conflict_acknowledgements: [acknowledgements[0]] });
    expect((await read(app, asset.id)).name).toBe('later');
  });

  it('an acknowledgement of a conflict that is not the tenant’s is rejected, and the next one counts', async () => {
    const asset = await newAsset(app);
    await change(app, asset.id, { name: 'web' });
    const { conflicts } = await push('a', edit(asset, { name: 'phone' }, minutes(-60)));
    const mine = { conflict_id: conflicts[0].id, resolution: 'accept_server' };
    const foreign = await sync(app, { tenant: app.other, conflict_acknowledgements: [mine] });
    expect(foreign.acknowledged_conflicts).toEqual([]);
    const bad = [null, { conflict_id: 'x', resolution: 'accept_server' }, { ...mine, resolution: 'maybe' }, mine];
    const answer = await send(app, { conflict_acknowledgements: bad });
    expect(answer.body.acknowledged_conflicts).toEqual([conflicts[0].id]);
    expect(statusesOf(answer.body)).toEqual(['rejected', 'rejected', 'rejected', 'applied']);
  });
});
