import { afterAll, beforeAll, expect, it } from 'vitest';
import * as scans from '../../../src/domain/scans/service.ts';
import { type TestApp, testApp } from '../../support/app.ts';
import { onEveryDatabase } from '../../support/databases.ts';
import { unique } from '../../support/samples.ts';
import { historyOf, newAsset, scan, send, sync } from './client.ts';

onEveryDatabase('scans pushed to sync', (dialect) => {
  let app: TestApp;
  beforeAll(async () => {
    app = await testApp(dialect);
  });
  afterAll(() => app.close());

  const storedOf = async (client_event_id: string) =>
    (await app.call('GET', `scan-events/?client_event_id=${client_event_id}`)).body.results;
  const count = async (table: string) =>
    (await app.database.query<{ count: number }>(`SELECT COUNT(*) AS count FROM ${table}`))[0]!.count;

  it('are stored in the order sent, as live scans are: decoded, resolved, with their history', async () => {
    const asset = await newAsset(app);
    const [one, two, three] = [scan({ raw_value: asset.asset_tag }), scan(), scan({ raw_value: asset.asset_tag })];
    const answer = await sync(app, { scan_events: [one, two, three], device: 'phone-7' });
    expect(answer.rejected_scan_events).toEqual([]);
    expect(answer.conflict_strategy).toBe('last-write-wins-with-history');
    const rows = (await Promise.all([one, two, three].map((sent) => storedOf(sent.client_event_id)))).flat();
    expect(rows.map(({ id }) => id)).toEqual(answer.accepted_scan_event_ids);
    const live = (await app.call('POST', 'scan-events/', { body: scan({ raw_value: asset.asset_tag }) })).body;
    const shape = ({
      id,
      client_event_id,
      created_at,
      updated_at,
      synced_at,
      decoded_payload,
      ...rest
    }: typeof live) => ({
      ...rest,
      decoded_payload: { ...decoded_payload, decoded_at: '' },
    });
    expect(shape(rows[0])).toEqual(shape(live));
    expect(rows.map((row) => row.asset)).toEqual([asset.id, null, asset.id]);
    const seen = (await historyOf(app, asset.id)).filter(
      (record: { event_type: string }) => record.event_type === 'scan',
    );
    expect(seen.map((record: { new_state: { scan_event: number } }) => record.new_state.scan_event)).toEqual([
      rows[0].id,
      rows[2].id,
      live.id,
    ]);
    const sql = "SELECT device FROM change_log WHERE entity = 'scan_event' AND entity_id = ?";
    expect(await app.database.query(sql, [rows[0].id])).toEqual([{ device: 'phone-7' }]);
  });

  it('find their asset by everything that a live scan finds it by', async () => {
    const tagged = await newAsset(app, { barcode_value: unique('BV') });
    const code = unique('CODE');
    await app.call('POST', `assets/${tagged.id}/codes/`, { body: { code } });
    const giai = await newAsset(app, { asset_tag: unique('4000001') });
    const texts = [
      tagged.asset_tag,
      tagged.barcode_value,
      code,
      ` ${tagged.asset_tag} `,
      `]Q1${tagged.asset_tag}`,
      `(8004)${giai.asset_tag}`,
      `${tagged.asset_tag} `,
    ];
    const batch = texts.map((raw_value) => scan({ raw_value, symbology: 'unknown' }));
    await sync(app, { scan_events: batch });
    for (const [index, raw_value] of texts.entries()) {
      const live = await app.call('POST', 'scan-events/', { body: { raw_value, symbology: 'unknown' } });
      const [pushed] = await storedOf(batch[index]!.client_event_id);
      expect([raw_value, pushed.asset, pushed.status]).toEqual([raw_value, live.body.asset, live.body.status]);
    }
  });

  it('claim a printed code for the asset they name, and the next scan of the batch finds it there', async () => {
    const asset = await newAsset(app);
    const code = unique('PRINTED');
    await app.call('POST', 'asset-codes/', { body: { code } });
    const [claiming, after] = [scan({ raw_value: code, asset: asset.id }), scan({ raw_value: code })];
    await sync(app, { scan_events: [claiming, after] });
    const codes = (await app.call('GET', `asset-codes/?code=${code}`)).body.results;
    expect(codes).toMatchObject([{ asset: asset.id, status: 'active' }]);
    expect((await storedOf(after.client_event_id))[0].asset).toBe(asset.id);
  });

  it('sent again are accepted again with the same ids and change nothing', async () => {
    const batch = Array.from({ length: 120 }, () => scan());
    const first = await sync(app, { scan_events: batch });
    const before = [await count('scan_events'), await count('change_log')];
    const second = await sync(app, { scan_events: [...batch, batch[0]] });
    expect(second.accepted_scan_event_ids).toEqual([
      ...first.accepted_scan_event_ids,
      first.accepted_scan_event_ids[0],
    ]);
    expect(new Set(second.results.map(({ status }: { status: string }) => status))).toEqual(new Set(['duplicate']));
    expect([await count('scan_events'), await count('change_log')]).toEqual(before);
  });

  it('twice in one request are one scan', async () => {
    const one = scan();
    const { accepted_scan_event_ids: ids, results } = await sync(app, { scan_events: [one, one] });
    expect(ids[0]).toBe(ids[1]);
    expect(results.map(({ status }: { status: string }) => status)).toEqual(['applied', 'duplicate']);
    expect(await storedOf(one.client_event_id)).toHaveLength(1);
  });

  it('of an asset that is deleted since are kept, and count by their code', async () => {
    const gone = await newAsset(app);
    await app.call('DELETE', `assets/${gone.id}/`);
    const foreign = await app.call('POST', 'assets/', { tenant: app.other, body: { asset_tag: 'FD', name: 'F' } });
    const again = await newAsset(app, { asset_tag: gone.asset_tag });
    const batch = [
      scan({ asset: gone.id, raw_value: gone.asset_tag }),
      scan({ asset: gone.id }),
      scan({ asset: foreign.body.id }),
      scan({ asset: gone.id, captured_at: undefined }),
    ];
    for (let time = 0; time < 2; time += 1) {
      const answer = await sync(app, { scan_events: batch });
      expect(answer.rejected_scan_events.map(({ index }: { index: number }) => index)).toEqual([2, 3]);
    }
    const [one, other] = [await storedOf(batch[0]!.client_event_id), await storedOf(batch[1]!.client_event_id)];
    expect([one[0].asset, other[0].asset, other[0].status]).toEqual([again.id, null, 'validated']);
  });

  it('without an id are known again by their content and time of capture', async () => {
    const [one, two] = [unique('BARE'), unique('BARE')];
    const at = (second: number) => ({ captured_at: `2026-11-01T10:00:0${second}Z`, offline_captured_at: null });
    const batch = [
      { raw_value: one, ...at(1) },
      { raw_value: one, ...at(2) },
      { raw_value: two, ...at(1), client_event_id: null },
    ];
    const first = await sync(app, { device: 'bare', scan_events: batch });
    const again = await sync(app, { device: 'bare', scan_events: [...batch].reverse() });
    expect(new Set(first.accepted_scan_event_ids).size).toBe(3);
    expect(again.accepted_scan_event_ids).toEqual([...first.accepted_scan_event_ids].reverse());
    await sync(app, { device: 'another', scan_events: batch });
    const { body } = await app.call('GET', `scan-events/?search=${two}`);
    expect(body.results.map((row: { offline_captured_at: string }) => row.offline_captured_at)).toEqual([
      '2026-11-01T10:00:01.000Z',
      '2026-11-01T10:00:01.000Z',
    ]);
    const timeless = { raw_value: unique('BARE') };
    const ids = [await sync(app, { scan_events: [timeless] }), await sync(app, { scan_events: [timeless] })];
    expect(new Set(ids.flatMap((answer) => answer.accepted_scan_event_ids)).size).toBe(2);
  });

  it('with the id of another scan are rejected, and what is stored stays', async () => {
    const one = scan();
    await sync(app, { scan_events: [one] });
    const others = [
      { ...one, raw_value: 'ANOTHER' },
      { ...one, captured_at: '2026-11-01T10:00:01.000Z' },
    ];
    for (const other of others) {
      const answer = await sync(app, { scan_events: [other] });
      expect(answer.accepted_scan_event_ids).toEqual([]);
      expect(answer.rejected_scan_events).toMatchObject([{ index: 0, client_event_id: one.client_event_id }]);
    }
    const within = scan();
    const mixed = await sync(app, { scan_events: [within, { ...within, raw_value: 'ANOTHER' }] });
    expect([mixed.accepted_scan_event_ids.length, mixed.rejected_scan_events[0].index]).toEqual([1, 1]);
    expect((await storedOf(one.client_event_id)).map((row: { raw_value: string }) => row.raw_value)).toEqual([
      one.raw_value,
    ]);
  });

  it('whose code breaks its rules are stored as rejected and count as accepted', async () => {
    const bad = scan({ symbology: 'ean13', raw_value: '4006381333932' });
    const answer = await sync(app, { scan_events: [bad] });
    expect([answer.accepted_scan_event_ids.length, answer.rejected_scan_events]).toEqual([1, []]);
    expect((await storedOf(bad.client_event_id))[0].status).toBe('rejected');
  });

  it('that cannot be stored are kept raw, each once, and leave the others standing', async () => {
    const before = await count('sync_quarantine');
    const foreign = (
      await app.call('POST', 'locations/', { tenant: app.other, body: { name: 'X', code: unique('F') } })
    ).body;
    const malformed = [
      null,
      'text',
      [],
      {},
      scan({ client_event_id: 'no uuid' }),
      scan({ raw_value: 'a\0b' }),
      scan({ source_type: 'a\0b\ud800' }),
      scan({ raw_value: '\ud800' }),
      scan({ location: foreign.id }),
      scan({ asset: 999_999_999 }),
      scan({ captured_at: 'yesterday' }),
    ];
    const good = scan();
    const sent = [...malformed, good, scan({ synced: true, status: 'validated', id: 5 })];
    for (let time = 0; time < 2; time += 1) {
      const answer = await sync(app, { scan_events: sent, device: 'phone-8' });
      expect(answer.accepted_scan_event_ids).toHaveLength(2);
      expect(answer.rejected_scan_events.map(({ index }: { index: number }) => index)).toEqual([...malformed.keys()]);
      for (const { reason } of answer.rejected_scan_events) expect(reason).toMatch(/\w/);
    }
    expect((await count('sync_quarantine')) - before).toBe(malformed.length);
    const sql = "SELECT raw, device FROM sync_quarantine WHERE raw LIKE '%no uuid%'";
    const [kept] = await app.database.query<{ raw: string; device: string }>(sql);
    expect([JSON.parse(kept!.raw), kept!.device]).toEqual([malformed[4], 'phone-8']);
  });

  it('that meet the same ones in another request are stored once', async () => {
    const batch = Array.from({ length: 150 }, () => scan());
    const bad = { client_event_id: unique('bad') };
    const answers = await Promise.all([0, 1, 2, 3].map(() => sync(app, { scan_events: [bad, ...batch] })));
    for (const { results } of answers) expect(results).toHaveLength(151);
    for (const { accepted_scan_event_ids: ids } of answers) expect(ids).toEqual(answers[0].accepted_scan_event_ids);
    const ids = new Set(answers.flatMap((answer) => answer.accepted_scan_event_ids));
    expect(ids.size).toBe(150);
  });

  it('that two requests bring in opposite order do not wait for each other in a ring', async () => {
    for (let round = 0; round < 2; round += 1) {
      const batch = Array.from({ length: 700 }, () => scan());
      let tries = 0;
      const work = (bodies: object[]) =>
        app.database.transaction((db) => {
          tries += 1;
          return scans.recordMany({ ...app.as('operator'), db }, bodies);
        });
      const [forwards, backwards] = await Promise.all([work(batch), work([...batch].reverse())]);
      const idsOf = (outcomes: scans.Outcome[]) => outcomes.map((one) => ('scan' in one ? one.scan.id : undefined));
      expect(idsOf(backwards!).reverse()).toEqual(idsOf(forwards!));
      expect(tries).toBe(2);
    }
  });

  it('are taken 1,000 and 5 MiB at a time', async () => {
    const many = (length: number) => Array.from({ length }, () => scan());
    expect((await sync(app, { scan_events: many(1_000) })).accepted_scan_event_ids).toHaveLength(1_000);
    const over = await send(app, { scan_events: many(999), asset_changes: [1], conflict_acknowledgements: [1] });
    expect([over.status, typeof over.body.detail]).toEqual([413, 'string']);
    const large = { scan_events: [scan({ note: 'x'.repeat(5 * 1024 * 1024) })] };
    expect((await send(app, large)).status).toBe(413);
  });

  it('need a role that writes; pulling needs none', async () => {
    for (const role of ['read_only', 'auditor'] as const) {
      expect((await send(app, { role })).status).toBe(200);
      const empty = { scan_events: [], asset_changes: null, conflict_acknowledgements: [] };
      expect((await send(app, { role, ...empty })).status).toBe(200);
      for (const list of ['scan_events', 'asset_changes', 'conflict_acknowledgements']) {
        const refused = await send(app, { role, [list]: [{ conflict_id: 1, resolution: 'accept_server' }] });
        expect([list, refused.status]).toEqual([list, 403]);
      }
    }
    expect((await send(app, { role: 'operator', scan_events: [scan()] })).status).toBe(200);
  });

  it('of a faulty envelope are not read at all', async () => {
    const before = await count('scan_events');
    const faults = [
      { scan_events: {} },
      { scan_events: 'x' },
      { limit: 0 },
      { limit: 2_001 },
      { cursor: 'nonsense' },
      { last_sync_at: 'yesterday' },
      { device_identifier: 'x'.repeat(201) },
      { device_identifier: 'a\0b' },
    ];
    for (const fault of faults) {
      const answer = await send(app, { scan_events: [scan()], ...fault });
      expect([answer.status, Object.keys(answer.body)]).toEqual([400, Object.keys(fault)]);
    }
    expect(await count('scan_events')).toBe(before);
  });

  it('that the database refuses unforeseen are the only ones to fail', async () => {
    const batch = [scan(), scan({ raw_value: 'POISON' }), scan()];
    const outcomes = await app.database.transaction((tx) => {
      const db = new Proxy(tx, {
        get(target, name) {
          const value = Reflect.get(target, name, target);
          if (typeof value !== 'function') return value;
          return (...args: unknown[]) => {
            const poison = String(name).startsWith('insert') && JSON.stringify(args).includes('POISON');
            return poison ? Promise.reject(new Error('value refused')) : value.apply(target, args);
          };
        },
      });
      return scans.recordMany({ ...app.as('admin'), db }, batch);
    });
    expect(outcomes.map((outcome) => 'refusal' in outcome)).toEqual([false, true, false]);
    expect(await storedOf(batch[0]!.client_event_id)).toHaveLength(1);
    expect(await storedOf(batch[1]!.client_event_id)).toHaveLength(0);
  });
});
