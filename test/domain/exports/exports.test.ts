import { EventEmitter, once } from 'node:events';
import { readdirSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Row } from '../../../src/db/database.ts';
import { exporting } from '../../../src/domain/exports/service.ts';
import { operations } from '../../../src/domain/resources.ts';
import { clean } from '../../../src/jobs/clean.ts';
import type { Operation } from '../../../src/resource/serve.ts';
import { type Call, type TestApp, testApp } from '../../support/app.ts';
import { onEveryDatabase } from '../../support/databases.ts';
import { noSmallDisk, SmallDisk } from '../../support/faults/small-disk.ts';
import { until } from '../../support/pty.ts';
import { workOff } from '../../support/work.ts';
import { sheetsOf } from '../../support/workbook.ts';

const day = 86_400_000;
const noDisk = noSmallDisk();

/** A promise, and what resolves it. */
function latch(): [Promise<void>, () => void] {
  const opened = new EventEmitter();
  return [once(opened, 'open').then(() => undefined), () => opened.emit('open')];
}

onEveryDatabase('exports', (dialect) => {
  let app: TestApp;
  beforeAll(async () => {
    app = await testApp(dialect);
    const nasty = ['=1+1', 'a,"b"\r\nc', '<&> _x0007_ \u0001 é 漢 🙂', ' blank ', '-5', '@x'];
    const assets = nasty.map((description, index) => ({
      asset_tag: `A-${index}`,
      name: index % 2 ? 'Drill' : 'Saw',
      description: description.replace('\u0001', ''),
      custom_fields: { n: index, text: nasty[index] === undefined ? '' : 'x' },
    }));
    for (const body of assets) expect((await app.call('POST', 'assets/', { body })).status).toBe(201);
    await app.call('POST', 'assets/', { tenant: app.other, body: { asset_tag: 'SECRET', name: 'Theirs' } });
  });
  afterAll(() => app.close());

  const folder = () => join(app.folder, 'files', 'exports');
  const files = () => readdirSync(folder()).filter((name) => name !== '.folder');
  const kind = (lists: readonly Operation[] = operations) => exporting({ operations: lists, days: 7 });
  const work = (lists?: readonly Operation[], more = {}) =>
    workOff(app, [kind(lists)], { folder: app.folder, ...more });
  const ask = (body: object, call: Call = {}) => app.call('POST', 'exports/', { body, ...call });
  const row = async (id: number) => (await app.call('GET', `exports/${id}/`)).body;
  const raw = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
    app.send(method, path, { headers });
  /** Asked for, written and fetched. */
  const made = async (body: object, call: Call = {}) => {
    const asked = await ask(body, call);
    expect([asked.status, asked.body.status]).toEqual([202, 'pending']);
    await work();
    const done = await row(asked.body.id);
    expect([done.status, done.error]).toEqual(['done', '']);
    const file = await raw(done.url);
    expect(file.status).toBe(200);
    return { row: done, file, bytes: Buffer.from(await file.arrayBuffer()) };
  };
  const refused = async (body: object, call: Call = {}) => {
    const { status, body: said } = await ask(body, call);
    return [status, said];
  };

  describe('hold what the list holds', () => {
    it('as CSV, byte for byte', async () => {
      const { row: done, file, bytes } = await made({ resource: 'assets' });
      const list = await app.call('GET', 'assets/?format=csv');
      expect(bytes.toString()).toBe(list.text);
      expect(bytes.toString()).toContain("'=1+1");
      expect(bytes.toString()).not.toContain('SECRET');
      expect(done).toMatchObject({ rows: 6, progress: 100, size: bytes.length, requested_by: app.userId('admin') });
      expect(Date.parse(done.expires_at) - Date.parse(done.finished_at)).toBe(7 * day);
      const header = (name: string) => file.headers.get(name);
      expect(header('Content-Length')).toBe(String(bytes.length));
      expect(header('Content-Type')).toBe('text/csv; charset=utf-8');
      expect(header('Content-Disposition')).toBe(`attachment; filename="assets-${done.id}.csv"`);
    });

    it('as JSON lines, each a row as it is listed', async () => {
      const { bytes } = await made({ resource: '/assets/', format: 'jsonl' });
      const lines = bytes.toString().trimEnd().split('\n');
      const list = await app.call('GET', 'assets/?page_size=500');
      expect(lines.map((line) => JSON.parse(line))).toEqual(list.body.results);
    });

    it('as a workbook, in which no text is a formula', async () => {
      const columns = ['id', 'name', 'description', 'custom_fields', 'assigned_to'];
      const { bytes, file } = await made({ resource: 'assets', format: 'xlsx', columns });
      expect(file.headers.get('Content-Type')).toContain('spreadsheetml.sheet');
      const [sheet] = sheetsOf(bytes);
      const list = (await app.call('GET', 'assets/?page_size=500')).body.results as Row[];
      const cells = (asset: Row) =>
        columns.map((name) =>
          typeof asset[name] === 'object' && asset[name] ? JSON.stringify(asset[name]) : asset[name],
        );
      expect(sheet).toEqual([columns, ...list.map(cells)]);
      expect(bytes.includes('<f>')).toBe(false);
    });

    it('filtered, searched, ordered and in the columns wanted', async () => {
      const asked = { filters: { status: 'active', search: 'drill' }, ordering: '-asset_tag' };
      const { bytes } = await made({ resource: 'assets', ...asked, columns: ['name', 'asset_tag'] });
      expect(bytes.toString()).toBe('name,asset_tag\r\nDrill,A-5\r\nDrill,A-3\r\nDrill,A-1\r\n');
      const chosen = await made({ resource: 'assets', ...asked, columns: ['asset_tag'], format: 'jsonl' });
      expect(chosen.bytes.toString().split('\n')[0]).toBe('{"asset_tag":"A-5"}');
    });

    it('of a row too, such as its history', async () => {
      const { id } = (await app.call('GET', 'assets/?search=A-0')).body.results[0];
      const { bytes, file } = await made({ resource: `assets/${id}/history` });
      expect(bytes.toString()).toBe((await app.call('GET', `assets/${id}/history/?format=csv`)).text);
      expect(file.headers.get('Content-Disposition')).toMatch(new RegExp(`"assets-${id}-history-\\d+\\.csv"`));
    });

    it('of nothing, with the headings alone', async () => {
      const { bytes, row: done } = await made({ resource: 'locations', columns: ['code'] });
      expect([bytes.toString(), done.rows]).toEqual(['code\r\n', 0]);
      const empty = await made({ resource: 'locations', format: 'jsonl' });
      expect([empty.bytes.length, empty.row.size]).toEqual([0, 0]);
    });

    it('with secrets masked as they are in the list', async () => {
      const body = { name: 'Sheet', connector_type: 'google_sheets', config: { api_key: 'very-secret-key' } };
      expect((await app.call('POST', 'integrations/', { body })).status).toBe(201);
      const { bytes } = await made({ resource: 'integrations' });
      expect(bytes.toString()).toContain('Sheet');
      expect(bytes.toString()).not.toContain('very-secret-key');
    });
  });

  it('are refused at once, by the name of what is wrong', async () => {
    expect(await refused({ resource: 'nothing' })).toEqual([400, { resource: [expect.stringContaining('assets, ')] }]);
    expect(await refused({ resource: 'exports' })).toEqual([400, { resource: [expect.anything()] }]);
    expect(await refused({ resource: 'assets/999999/history' })).toEqual([400, { resource: ['Not found.'] }]);
    expect(await refused({ resource: 'assets', filters: { colour: 'red' } })).toEqual([
      400,
      { filters: { colour: [expect.stringContaining('Unknown filter')] } },
    ]);
    expect(await refused({ resource: 'assets', filters: { page: 2 } })).toEqual([
      400,
      { filters: { page: ['This is no filter. Leave it out.'] } },
    ]);
    expect(await refused({ resource: 'assets', ordering: 'colour' })).toEqual([400, { ordering: [expect.anything()] }]);
    expect(await refused({ resource: 'assets', columns: ['colour'] })).toEqual([
      400,
      { columns: [expect.stringContaining('Unknown: colour.')] },
    ]);
    expect(await refused({ resource: 'assets', columns: ['id', 'id'] })).toEqual([
      400,
      { columns: [expect.anything()] },
    ]);
    expect(await refused({ resource: 'assets', format: 'pdf' })).toEqual([400, { format: [expect.anything()] }]);
    const foreign = (await app.call('GET', 'assets/', { tenant: app.other })).body.results[0].id;
    expect(await refused({ resource: `assets/${foreign}/history` })).toEqual([400, { resource: [expect.anything()] }]);
  });

  it('are for those who may see the list', async () => {
    for (const role of ['operator', 'auditor', 'read_only'] as const) {
      expect((await ask({ resource: 'members' }, { role })).status).toBe(403);
      expect((await ask({ resource: 'scan-events' }, { role })).status).toBe(202);
    }
    const { row: members } = await made({ resource: 'members' });
    for (const role of ['operator', 'auditor', 'read_only'] as const) {
      for (const path of [`exports/${members.id}/`, `exports/${members.id}/file/`])
        expect((await app.call('GET', path, { role })).status).toBe(403);
      const { body } = await app.call('GET', 'exports/?page_size=500', { role });
      expect(body.results.map(({ resource }: Row) => resource)).not.toContain('members');
      expect(body.results.map(({ resource }: Row) => resource)).toContain('scan-events');
      expect((await app.call('DELETE', `exports/${members.id}/`, { role })).status).toBe(403);
    }
    const theirs = await app.call('GET', `exports/${members.id}/file/`, { tenant: app.other });
    expect(theirs.status).toBe(403);
    expect((await app.call('GET', 'exports/', { tenant: app.other })).body.count).toBe(0);
  });

  it('are cancelled and deleted by whoever asked, or an admin', async () => {
    const { body } = await ask({ resource: 'assets' }, { role: 'operator' });
    for (const method of ['POST', 'DELETE']) {
      const path = method === 'POST' ? `exports/${body.id}/cancel/` : `exports/${body.id}/`;
      const { status, body: said } = await app.call(method, path, { role: 'read_only' });
      expect([status, said.detail]).toEqual([403, "This export is plant-operator's. Ask them, or an admin."]);
    }
    const cancelled = await app.call('POST', `exports/${body.id}/cancel/`, { role: 'operator' });
    expect([cancelled.status, cancelled.body.status]).toEqual([200, 'cancelled']);
    expect((await app.call('POST', `exports/${body.id}/cancel/`)).body.status).toBe('cancelled');
    const file = await app.call('GET', `exports/${body.id}/file/`);
    expect([file.status, file.body.detail]).toEqual([409, 'The export was cancelled. Export again.']);
    await work();
    expect((await row(body.id)).status).toBe('cancelled');
    expect((await app.call('DELETE', `exports/${body.id}/`)).status).toBe(204);
  });

  it('go with their file when they are deleted', async () => {
    const { row: done } = await made({ resource: 'assets' });
    const own = () => files().filter((name) => name.startsWith(`${done.id}-`));
    expect(own()).toHaveLength(1);
    const late = await app.call('POST', `exports/${done.id}/cancel/`);
    expect([late.status, late.body.detail]).toEqual([409, expect.stringContaining('done already')]);
    expect((await app.call('DELETE', `exports/${done.id}/`)).status).toBe(204);
    await until(() => own().length === 0, 'the file to go');
    expect((await app.call('GET', `exports/${done.id}/file/`)).status).toBe(404);
  });

  it('are fetched in parts', async () => {
    const { row: done, bytes, file } = await made({ resource: 'assets' });
    const part = async (Range: string, more = {}) => {
      const answer = await raw(done.url, { Range, ...more });
      return [answer.status, answer.headers.get('Content-Range'), await answer.text()];
    };
    const text = (from: number, to?: number) => bytes.subarray(from, to).toString();
    const size = bytes.length;
    expect(await part('bytes=0-9')).toEqual([206, `bytes 0-9/${size}`, text(0, 10)]);
    expect(await part('bytes=10-')).toEqual([206, `bytes 10-${size - 1}/${size}`, text(10)]);
    expect(await part('bytes=-2')).toEqual([206, `bytes ${size - 2}-${size - 1}/${size}`, '\r\n']);
    expect(await part(`bytes=0-${size * 2}`)).toEqual([206, `bytes 0-${size - 1}/${size}`, text(0)]);
    expect((await part(`bytes=${size}-`)).slice(0, 2)).toEqual([416, `bytes */${size}`]);
    for (const whole of ['bytes=5-2', 'bytes=0-1,3-4', 'lines=1-2', 'bytes=-'])
      expect((await part(whole))[0], whole).toBe(200);
    const tag = file.headers.get('ETag')!;
    expect((await part('bytes=0-9', { 'If-Range': tag }))[0]).toBe(206);
    expect((await part('bytes=0-9', { 'If-Range': '"other"' }))[0]).toBe(200);
    const head = await raw(done.url, {}, 'HEAD');
    expect([head.status, head.headers.get('Content-Length')]).toEqual([200, String(size)]);
  });

  describe('while they are written', () => {
    /** The list of assets, whose second page waits until it is let go. */
    function gated() {
      const [gate, open] = latch();
      const [waiting, reached] = latch();
      const assets = operations.find(({ id }) => id === 'assets.list')!;
      const run: Operation['run'] = async (ctx, input) => {
        if (input.query.cursor !== undefined) {
          reached();
          await gate;
        }
        return assets.run(ctx, input);
      };
      return { lists: [{ ...assets, run }], open, waiting };
    }

    it('say so, and are cancelled in the middle without a piece left', async () => {
      const { body } = await ask({ resource: 'assets' });
      const { lists, open, waiting } = gated();
      const working = work(lists);
      await waiting;
      expect((await row(body.id)).status).toBe('running');
      const early = await app.call('GET', `exports/${body.id}/file/`);
      expect([early.status, early.body.detail]).toEqual([409, expect.stringContaining('is being written (0 %)')]);
      await until(() => files().some((name) => name.startsWith(`${body.id}-`)), 'a piece');
      expect((await app.call('POST', `exports/${body.id}/cancel/`)).body.status).toBe('cancelled');
      open();
      await working;
      await until(() => !files().some((name) => name.startsWith(`${body.id}-`)), 'the piece to go');
      expect((await row(body.id)).status).toBe('cancelled');
    });

    it('are two of a tenant at once', async () => {
      const ids: number[] = [];
      for (let count = 0; count < 4; count += 1) ids.push((await ask({ resource: 'assets' })).body.id);
      const theirs = (await ask({ resource: 'assets' }, { tenant: app.other })).body.id;
      const { lists, open } = gated();
      const working = work(lists);
      const running = async () => {
        const sql = "SELECT id FROM exports WHERE status = 'running' ORDER BY id";
        return (await app.database.query<{ id: number }>(sql)).map(({ id }) => Number(id));
      };
      await until(async () => (await running()).length === 3, 'three to run', 10_000);
      await new Promise((resolve) => setTimeout(resolve, 600));
      expect(await running()).toEqual([...ids.slice(0, 2), theirs]);
      open();
      await working;
      for (const id of ids) expect((await row(id)).status).toBe('done');
    });

    it('begin anew after a runner that stopped or died, and leave none of its pieces', async () => {
      const { body } = await ask({ resource: 'assets' });
      const { lists, open, waiting } = gated();
      const stopping = new AbortController();
      const payload = { export: body.id };
      const half = kind(lists).perform!(
        { ...app.as('admin'), folder: app.folder },
        { payload } as never,
        stopping.signal,
      );
      await waiting;
      writeFileSync(join(folder(), `${body.id}-dead.csv.part`), 'half');
      writeFileSync(join(folder(), `${body.id}-older.csv.part`), 'half');
      stopping.abort();
      open();
      await expect(half).rejects.toThrow();
      await work();
      const done = await row(body.id);
      const own = files().filter((name) => name.startsWith(`${body.id}-`));
      expect([done.status, own.length]).toEqual(['done', 1]);
      expect((await app.call('GET', `exports/${body.id}/file/`)).text).toBe(
        (await app.call('GET', 'assets/?format=csv')).text,
      );
    });
  });

  it('are done all the same when a runner that has lost its claim begins one late', async () => {
    const { body } = await ask({ resource: 'assets' });
    const late = (run: string) => app.database.execute('UPDATE exports SET run = ? WHERE id = ?', [run, body.id]);
    const assets = operations.find(({ id }) => id === 'assets.list')!;
    let rounds = 0;
    const run: Operation['run'] = async (ctx, input) => {
      if (input.query.cursor === '') rounds += 1;
      if (input.query.cursor === '' && rounds < 3) await late(`late-${rounds}`);
      // So long that it asks meanwhile whether it is still wanted, as it does the first time and not the second.
      if (rounds === 1) await new Promise((resolve) => setTimeout(resolve, 600));
      return assets.run(ctx, input);
    };
    const isDone = async () => {
      await work([{ ...assets, run }]);
      return (await row(body.id)).status === 'done';
    };
    await until(isDone, 'the third round', 20_000);
    expect([(await row(body.id)).rows, rounds]).toEqual([6, 3]);
    expect(files().filter((name) => name.startsWith(`${body.id}-`))).toHaveLength(1);
    expect((await app.call('GET', `exports/${body.id}/file/`)).text).toBe(
      (await app.call('GET', 'assets/?format=csv')).text,
    );
  });

  it('that fail for good say why', async () => {
    const { body: category } = await app.call('POST', 'barcode-batches/', {
      body: { prefix: 'GONE-', start_sequence: 1, end_sequence: 2 },
    });
    const { body } = await ask({ resource: `barcode-batches/${category.id}/labels` });
    await app.call('DELETE', `barcode-batches/${category.id}/`);
    await work();
    expect(await row(body.id)).toMatchObject({ status: 'failed', error: 'Not found.', url: null });
    const file = await app.call('GET', `exports/${body.id}/file/`);
    expect([file.status, file.body.detail]).toEqual([409, 'The export failed: Not found.']);
  });

  it('wait for a runner that shares the folder, and say so', async () => {
    const { body } = await ask({ resource: 'assets' });
    const old = new Date(Date.now() - 3 * 3_600_000).toISOString();
    // It waited for long, or was being written for long, before a runner came that has no such folder.
    const sql = 'UPDATE exports SET folder = ?, created_at = ?, updated_at = ? WHERE id = ?';
    await app.database.execute(sql, ['box-2-abc', old, old, body.id]);
    await work();
    const waiting = await row(body.id);
    expect([waiting.status, waiting.error]).toEqual([
      'pending',
      expect.stringContaining('the folder files/exports of box-2-abc'),
    ]);
    await app.database.execute("UPDATE jobs SET state = 'ready', run_at = 0 WHERE state = 'waiting'");
    await work(operations, { now: () => new Date(Date.now() + 2 * 3_600_000) });
    expect(await row(body.id)).toMatchObject({ status: 'failed', error: expect.stringContaining('Start one there') });
    const { row: done } = await made({ resource: 'assets' });
    await app.database.execute('UPDATE exports SET folder = ?, run = ? WHERE id = ?', ['box-2-abc', 'x', done.id]);
    const file = await app.call('GET', `exports/${done.id}/file/`);
    expect([file.status, file.body.detail]).toEqual([
      409,
      expect.stringContaining('the folder box-2-abc of another machine'),
    ]);
  });

  it('are at most twenty that wait', async () => {
    const ids: number[] = [];
    for (let count = 0; count < 20; count += 1) {
      const { status, body } = await ask({ resource: 'locations' });
      expect(status).toBe(202);
      ids.push(body.id);
    }
    const more = await ask({ resource: 'locations' });
    expect([more.status, more.body.detail]).toEqual([409, expect.stringContaining('20 exports wait')]);
    expect((await ask({ resource: 'locations' }, { tenant: app.other })).status).toBe(202);
    for (const id of ids) expect((await app.call('DELETE', `exports/${id}/`)).status).toBe(204);
    await work();
  });

  it('expire with their files, and what belongs to none goes too', async () => {
    const { row: old } = await made({ resource: 'assets' });
    writeFileSync(join(folder(), '999999-lost.csv'), 'lost');
    writeFileSync(join(folder(), `${old.id}-older.xlsx.part`), 'lost');
    writeFileSync(join(folder(), 'notes.txt'), 'not ours');
    const tidy = async (days: number) => {
      const now = () => new Date(Date.now() + days * day);
      const settings = { changeDays: 3_650, printDays: 3_650, exportDays: 7, webhooks: { deliveryDays: 3_650 } };
      await clean(settings).perform!(
        { ...app.as('admin'), folder: app.folder, now },
        {} as never,
        new AbortController().signal,
      );
    };
    await tidy(6);
    expect((await app.call('GET', `exports/${old.id}/file/`)).status).toBe(200);
    expect(files().filter((name) => /lost|older/.test(name))).toEqual([]);
    await tidy(8);
    expect((await app.call('GET', `exports/${old.id}/`)).status).toBe(404);
    expect(files()).toEqual(['notes.txt']);
    expect((await app.call('GET', 'exports/')).body.count).toBe(0);
  });

  it.skipIf(noDisk !== undefined)(
    'fail with the reason when the disk is full, and leave nothing of the file',
    async () => {
      const disk = new SmallDisk(4).start();
      try {
        await app.database.execute('DELETE FROM exports');
        const own = { ...app.as('admin'), folder: disk.folder };
        const asking = operations.find(({ id }) => id === 'exports.create')!;
        const written = async (before: () => void = () => undefined) => {
          const asked = await asking.run(own, { params: {}, query: {}, body: { resource: 'assets' } });
          before();
          await work(operations, { folder: disk.folder });
          return row((asked as { id: number }).id);
        };
        const refusal = { status: 'failed', error: expect.stringContaining('is full or almost so. Make room') };
        expect(await written(() => disk.fill())).toMatchObject(refusal);
        expect(readdirSync(join(disk.folder, 'files', 'exports'))).toEqual(['.folder']);
        expect(await app.database.query("SELECT id FROM jobs WHERE state = 'dead'")).toEqual([]);
        // There is room for the file, but what is left is for scans.
        const filler = join(disk.folder, 'filler');
        truncateSync(filler, statSync(filler).size - 100 * 1024);
        expect(await written()).toMatchObject(refusal);
        disk.free();
        expect((await written()).status).toBe('done');
      } finally {
        disk.stop();
      }
    },
  );

  it('of 50,000 rows that are changed meanwhile have each once, and miss none that was there', async () => {
    const now = new Date().toISOString();
    const [sample] = await app.database.query<Row>('SELECT * FROM assets WHERE tenant_id = ? ORDER BY id LIMIT 1', [
      app.plant.id,
    ]);
    const { id: _, ...columns } = sample!;
    const many = Array.from({ length: 50_000 }, (_, index) => ({
      ...columns,
      asset_tag: `M-${index}`,
      name: `Name ${index % 977}`,
      created_at: now,
      updated_at: now,
    }));
    await app.database.insertMany('assets', many as never);
    for (const ordering of ['', 'name', '-updated_at']) {
      const { body } = await ask({ resource: 'assets', format: 'jsonl', ordering, columns: ['id', 'asset_tag'] });
      let writing = true;
      const changing = async () => {
        for (let round = 0; writing; round += 1) {
          const stamp = new Date().toISOString();
          const set = 'UPDATE assets SET name = ?, updated_at = ? WHERE tenant_id = ? AND asset_tag = ?';
          const tag = `M-${Math.floor(Math.random() * 40_000)}`;
          await app.database.execute(set, [`${round % 2 ? 'A' : 'Z'} ${round}`, stamp, app.plant.id, tag]);
          if (round % 50 === 0)
            await app.database.execute('DELETE FROM assets WHERE tenant_id = ? AND asset_tag = ?', [
              app.plant.id,
              `M-${49_999 - Math.floor(Math.random() * 9_000)}`,
            ]);
        }
      };
      const writers = changing();
      await work().finally(() => {
        writing = false;
      });
      await writers;
      const done = await row(body.id);
      expect([done.status, done.error]).toEqual(['done', '']);
      const lines = (await app.call('GET', `exports/${body.id}/file/`)).text.trimEnd().split('\n');
      const tags = lines.map((line) => JSON.parse(line).asset_tag as string);
      expect([tags.length, new Set(tags).size]).toEqual([done.rows, done.rows]);
      const left = await app.database.query<{ asset_tag: string }>('SELECT asset_tag FROM assets WHERE tenant_id = ?', [
        app.plant.id,
      ]);
      const written = new Set(tags);
      expect(left.filter(({ asset_tag }) => !written.has(asset_tag))).toEqual([]);
    }
  }, 240_000);
});
