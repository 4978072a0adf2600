import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { Vault } from '../../../src/base/vault.ts';
import type { PrinterSimulator } from '../../../src/devices/simulator/printer.ts';
import * as assets from '../../../src/domain/assets/service.ts';
import * as printers from '../../../src/domain/printers/service.ts';
import * as webhooks from '../../../src/domain/webhooks/service.ts';
import { onEveryDatabase } from '../../support/databases.ts';
import { codesOn, PrintShop } from '../../support/printing.ts';
import { createPty, until } from '../../support/pty.ts';
import { unique } from '../../support/samples.ts';
import { type TestSite, testSite } from '../../support/site.ts';

onEveryDatabase('printing', (dialect) => {
  let site: TestSite;
  let shop: PrintShop;
  beforeAll(async () => {
    site = await testSite(dialect);
    shop = new PrintShop(site);
  });
  afterEach(() => shop.close());
  afterAll(() => site.close());

  const done = (job: printers.PrintJobRow, state = 'done') =>
    until(async () => (await shop.job(job)).state === state, `the print job to be ${state}`, 20_000);
  const blocked = (printer: printers.PrinterRow, reason: string) =>
    until(async () => (await shop.row(printer)).reason === reason, `the printer to be blocked: ${reason}`, 20_000);
  const start = async (count: number, settings = {}, more = {}) => {
    const simulator = await shop.simulator(settings);
    const printer = await shop.printerAt(simulator, more);
    const batch = await shop.batch(count);
    const job = await printers.print(shop.ctx, printer.name, { source: { batch: batch.id } });
    return { simulator, printer, batch, job };
  };
  const expectOnce = (simulator: PrinterSimulator, prefix: string, count: number) =>
    expect(codesOn(simulator)).toEqual(Array.from({ length: count }, (_, index) => `${prefix}${index + 1}`));

  it('prints a batch once, in its order, and reads model and resolution from the printer', async () => {
    const { simulator, printer, batch, job } = await start(60, { dpmm: 12 });
    expect(await shop.states(job)).toEqual({ queued: 60 });
    await shop.run();
    await done(job);
    expectOnce(simulator, batch.prefix, 60);
    expect(await shop.states(job)).toEqual({ confirmed: 60 });
    const row = await shop.row(printer);
    expect([row.model, row.dpi, row.state]).toEqual(['ASSETRA-SIM', 300, 'ready']);
    expect(simulator.printed[0]!.zpl).toContain('^PW600');
  });

  it('prints no batch a second time unless it is told from where', async () => {
    const { simulator, printer, batch, job } = await start(5);
    const again = (range = {}) => printers.print(shop.ctx, printer.name, { source: { batch: batch.id, ...range } });
    await expect(again()).rejects.toThrow('5 of these 5 labels were given to a printer already');
    await shop.run();
    await done(job);
    await expect(again()).rejects.toThrow('say from which number');
    const second = await again({ from: 4 });
    await done(second);
    expect(codesOn(simulator).slice(5)).toEqual([`${batch.prefix}4`, `${batch.prefix}5`]);
    expect((await shop.labels(second)).map(({ reprint }) => Boolean(reprint))).toEqual([true, true]);
  });

  it('refuses more labels than it writes at once before it looks at them all', async () => {
    const printer = await shop.printer('tcp://127.0.0.1:9');
    const { id } = await shop.batch(1);
    await site.database.execute('UPDATE barcode_batches SET end_sequence = 5000000 WHERE id = ?', [id]);
    await expect(printers.print(shop.ctx, printer.name, { source: { batch: id } })).rejects.toThrow(
      'At most 10,000 labels',
    );
  });

  it('leaves a reprint in the history of the asset', async () => {
    const simulator = await shop.simulator();
    const printer = await shop.printerAt(simulator);
    const asset = await assets.served.create(shop.ctx, { asset_tag: unique('TAG'), name: 'Drill' });
    const records = async () => {
      const sql = "SELECT new_state FROM asset_state_history WHERE asset_id = ? AND event_type = 'update'";
      return (await site.database.query<{ new_state: string }>(sql, [asset.id])).map(({ new_state }) =>
        JSON.parse(new_state),
      );
    };
    await printers.printLabel(shop.ctx, { asset, printer: printer.id });
    expect(await records()).toEqual([]);
    const job = await printers.printLabel(shop.ctx, { asset, printer: printer.name });
    expect(await records()).toEqual([
      { label_reprinted: { code: asset.asset_tag, printer: printer.name, print_job: job.id } },
    ]);
    await shop.run();
    await done(job);
    expect(codesOn(simulator)).toEqual([asset.asset_tag, asset.asset_tag]);
  });

  it.each(['paper_out', 'head_open', 'ribbon_out', 'paused'] as const)(
    'waits through %s with the reason shown, and goes on by itself',
    async (fault) => {
      const { simulator, printer, batch, job } = await start(40, {}, { chunk_size: 10 });
      simulator.onPrint = () => {
        if (simulator.printed.length === 14) simulator.set(fault, true);
      };
      await shop.run();
      await blocked(printer, fault);
      expect((await shop.job(job)).state).toBe('blocked');
      await sleep(300);
      expect(simulator.printed.length).toBe(14);
      simulator.set(fault, false);
      await done(job);
      expectOnce(simulator, batch.prefix, 40);
      expect(await shop.states(job)).toEqual({ confirmed: 40 });
      expect((await shop.row(printer)).reason).toBe('');
    },
  );

  it('takes a missing answer neither for a printed label nor for an absent printer', async () => {
    const { simulator, printer, batch, job } = await start(12, { answers: 'unless_blocked' }, { chunk_size: 4 });
    simulator.onPrint = () => {
      if (simulator.printed.length === 6) simulator.set('head_open', true);
    };
    await shop.run();
    await blocked(printer, 'head_open');
    simulator.set('head_open', false);
    await done(job);
    expectOnce(simulator, batch.prefix, 12);

    const mute = await start(3, { answers: 'never' });
    await blocked(mute.printer, 'no_answer');
    expect(mute.simulator.printed).toEqual([]);
    await printers.cancel(shop.ctx, mute.printer.id, {});
    const known = await shop.printer(`tcp://127.0.0.1:${mute.simulator.port}?status=none`);
    const job2 = await printers.print(shop.ctx, known.name, { source: { batch: mute.batch.id } });
    await done(job2);
    // Nobody said that they were printed.
    expect(await shop.states(job2)).toEqual({ sent: 3 });
    await until(async () => mute.simulator.printed.length === 3, 'the labels to come out');
  });

  it('holds labels for a printer that is switched off, and calls somebody after a while', async () => {
    const inside = { ...shop.ctx, vault: new Vault(join(mkdtempSync(join(tmpdir(), 'assetra-vault-')), 'site.key')) };
    const url = 'http://127.0.0.1:9/hook';
    await webhooks.servedEndpoints.create(inside, {
      name: unique('Hook'),
      direction: 'outbound',
      url,
      events: ['printer.*', 'batch.printed'],
    });
    const { simulator, printer, batch, job } = await start(6);
    await simulator.stop();
    await shop.run();
    await blocked(printer, 'offline');
    await until(async () => (await shop.row(printer)).attention_at !== null, 'somebody to be called', 20_000);
    await simulator.start();
    await done(job);
    expectOnce(simulator, batch.prefix, 6);
    const events = await site.database.query<{ name: string; entity_id: number; draft: string }>(
      'SELECT name, entity_id, draft FROM outbox_events ORDER BY id',
    );
    expect(events.map(({ name, entity_id }) => [name, Number(entity_id)])).toEqual([
      ['printer.attention', printer.id],
      ['batch.printed', batch.id],
    ]);
    expect(JSON.parse(events[0]!.draft.replace('"sequence":?', '"sequence":0')).data).toMatchObject({
      reason: 'offline',
      print_job: { id: job.id },
    });
  });

  it('doubts exactly the labels that a power cut took, and prints them again when told', async () => {
    const { simulator, printer, batch, job } = await start(30, { speed: 20 }, { chunk_size: 10 });
    simulator.onPrint = () => {
      if (simulator.printed.length === 15) void simulator.stop();
    };
    await shop.run();
    await until(async () => simulator.printed.length === 15, 'half of them to be printed');
    await sleep(500);
    await simulator.start();
    await done(job, 'attention');
    const labels = await shop.labels(job);
    const doubted = labels.filter(({ state }) => state === 'unknown').map(({ code_value }) => code_value);
    const out = codesOn(simulator);
    expect(new Set(out).size).toBe(out.length);
    for (const { state, code_value } of labels) if (state === 'confirmed') expect(out).toContain(code_value);
    // Of the chunk that it had, and no other.
    const chunk = Array.from({ length: 10 }, (_, index) => `${batch.prefix}${index + 11}`);
    expect(doubted.length).toBeGreaterThan(0);
    for (const code of doubted) expect(chunk).toContain(code);
    const lost = labels.map(({ code_value }) => code_value).filter((code) => !out.includes(code));
    for (const code of lost) expect(doubted).toContain(code);
    // Someone looks, and says from where.
    const first = Number(lost[0]!.slice(batch.prefix.length));
    expect(await printers.resume(shop.ctx, printer.id, { from: first })).toEqual({ labels: lost.length });
    await done(job);
    expect(codesOn(simulator).toSorted()).toEqual(labels.map(({ code_value }) => code_value).toSorted());
    expect(await shop.states(job)).toEqual({ confirmed: 30 });
  });

  it('waits for what the printer still has when the network alone breaks', async () => {
    const { simulator, batch, job } = await start(20, { speed: 60 }, { chunk_size: 10 });
    simulator.onPrint = () => {
      if (simulator.printed.length === 3) simulator.reset();
    };
    await shop.run();
    await done(job);
    expectOnce(simulator, batch.prefix, 20);
    expect(await shop.states(job)).toEqual({ confirmed: 20 });
  });

  it('cancels half a label that a broken connection left in the printer', async () => {
    const { simulator, job } = await start(20, {}, { chunk_size: 10 });
    simulator.resetIn = 14;
    await shop.run();
    await done(job, 'attention');
    const out = codesOn(simulator);
    expect(out).not.toContain('?');
    expect(new Set(out).size).toBe(out.length);
    for (const { zpl } of simulator.printed) expect(zpl.match(/\^XA/g)).toHaveLength(1);
    const states = await shop.states(job);
    expect(states.confirmed! + states.unknown!).toBe(20);
    expect(states.unknown).toBeLessThanOrEqual(10);
  });

  it('gives a cancelled job up, also when the printer takes nothing', async () => {
    // Its buffers are small, and nobody reads what is at the other end.
    const line = createPty();
    await line.plug();
    const printer = await shop.printer(`usb:${line.path}?status=none`);
    const batch = await shop.batch(2_000);
    const job = await printers.print(shop.ctx, printer.name, { source: { batch: batch.id } });
    await shop.run();
    await until(async () => ((await shop.states(job)).sending ?? 0) > 0, 'the printer to be sent labels');
    await blocked(printer, 'not_taking');
    await expect(printers.served.remove(shop.ctx, printer.id)).rejects.toThrow('has labels to print');
    expect(await printers.cancel(shop.ctx, printer.id, {})).toEqual({ print_jobs: [job.id] });
    await until(async () => (await shop.row(printer)).state === 'ready', 'the printer to be let go');
    const states = await shop.states(job);
    expect(states.queued).toBeUndefined();
    expect(states.sending).toBeUndefined();
    expect((await shop.job(job)).state).toBe('cancelled');
    await printers.served.remove(shop.ctx, printer.id);
    await line.remove();
  });

  it('has one writer for one printer, however many names and runners it has', async () => {
    const simulator = await shop.simulator({ oneClient: true, speed: 2 });
    const [one, two] = [await shop.printerAt(simulator), await shop.printerAt(simulator)];
    const jobs: printers.PrintJobRow[] = [];
    for (const printer of [one, two, one, two]) {
      const { id } = await shop.batch(12);
      jobs.push(await printers.print(shop.ctx, printer.name, { source: { batch: id } }));
    }
    await Promise.all([shop.run(), shop.run(), shop.run()]);
    for (const job of jobs) await done(job);
    const order = (await Promise.all(jobs.map((job) => shop.labels(job)))).flat().map(({ code_value }) => code_value);
    expect(codesOn(simulator)).toEqual(order);
  });

  it('stops in order: what is under way is seen to its end', async () => {
    const { simulator, batch, job } = await start(60, { speed: 15 }, { chunk_size: 20 });
    const runner = await shop.run();
    await until(async () => simulator.printed.length >= 5, 'some to be printed');
    await runner.stop();
    expect(await shop.states(job)).toEqual({ confirmed: 20, queued: 40 });
    await shop.run();
    await done(job);
    expectOnce(simulator, batch.prefix, 60);
  });

  it('writes a file for each label into a folder', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'assetra-labels-'));
    const printer = await shop.printer(`dir:${folder}`);
    const batch = await shop.batch(7);
    await shop.run();
    const job = await printers.print(shop.ctx, printer.name, { source: { batch: batch.id } });
    await done(job);
    const texts = readdirSync(folder)
      .sort()
      .map((name) => readFileSync(join(folder, name), 'utf8'));
    expect(texts.map((text) => /\^FDMA,([^^]*)/.exec(text)![1])).toEqual(
      Array.from({ length: 7 }, (_, index) => `${batch.prefix}${index + 1}`),
    );
    rmSync(folder, { recursive: true });
  });

  it('moves labels by the calibration of the printer', async () => {
    const simulator = await shop.simulator();
    const printer = await shop.printerAt(simulator, { offset_x_mm: 1.5, offset_y_mm: -2 });
    await shop.run();
    await done(await printers.test(shop.ctx, printer.id));
    expect(simulator.printed[0]!.zpl).toContain('^LT-16^LS-12');
    expect(codesOn(simulator)).toEqual(['TEST']);
  });
});
