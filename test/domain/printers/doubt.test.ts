/** Labels that are not there although all seems well, and labels that are there although nobody may print them again. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import * as assets from '../../../src/domain/assets/service.ts';
import * as printers from '../../../src/domain/printers/service.ts';
import { onEveryDatabase } from '../../support/databases.ts';
import { codesOn, PrintShop } from '../../support/printing.ts';
import { until } from '../../support/pty.ts';
import { unique } from '../../support/samples.ts';
import { type TestSite, testSite } from '../../support/site.ts';

onEveryDatabase('labels in doubt', (dialect) => {
  let site: TestSite;
  let shop: PrintShop;
  const closing: (() => unknown)[] = [];
  beforeAll(async () => {
    site = await testSite(dialect);
    shop = new PrintShop(site);
  });
  afterEach(async () => {
    await shop.close();
    for (const close of closing.splice(0).reverse()) await close();
  });
  afterAll(() => site.close());

  const ended = (job: printers.PrintJobRow, state: string) =>
    until(async () => (await shop.job(job)).state === state, `the print job to be ${state}`, 60_000);

  it('whoever looks at a printer cancels nothing that another sends it at that moment', async () => {
    const simulator = await shop.simulator();
    // Half a label of whoever prints, who goes on in a moment.
    const other = connect(simulator.port, '127.0.0.1');
    closing.push(() => other.destroy());
    other.write('^XA^FO10,10^BQN,2,4^FDMA,HALF');
    const held = async () => (await printers.probe(`tcp://127.0.0.1:${simulator.port}`)).status.held;
    await until(async () => (await held()) === 1, 'half a label to be there');
    expect(await held()).toBe(1);
    other.write('^FS^XZ\n');
    await until(() => simulator.printed.length === 1, 'the label to come out whole');
    // A printer passes over ends of lines.
    expect(codesOn(simulator).map((code) => code.trim())).toEqual(['HALF']);
  });

  /** A serial line notices nothing when the printer at its other end loses its power. */
  async function onSerial() {
    const simulator = await shop.simulator({ speed: 40 });
    const folder = mkdtempSync(join(tmpdir(), 'assetra-serial-'));
    const path = join(folder, 'line');
    const socat = spawn('socat', [`pty,raw,echo=0,link=${path}`, `TCP:127.0.0.1:${simulator.port}`], {
      stdio: 'ignore',
    });
    closing.push(() => {
      socat.kill();
      rmSync(folder, { recursive: true, force: true });
    });
    await until(() => existsSync(path), 'the line');
    return { simulator, url: `serial:${path}?flow=none&baud=115200` };
  }

  it('doubts what a power cut took from a printer on a serial line, which does not break', async () => {
    const { simulator, url } = await onSerial();
    const printer = await shop.printer(url, { chunk_size: 10 });
    const batch = await shop.batch(20);
    const job = await printers.print(shop.ctx, printer.name, { source: { batch: batch.id } });
    simulator.onPrint = () => {
      if (simulator.printed.length === 13) simulator.blackout(6_000);
    };
    await shop.run();
    await ended(job, 'attention');
    const out = codesOn(simulator);
    const labels = await shop.labels(job);
    for (const { state, code_value } of labels)
      if (state === 'confirmed') expect(out, `${code_value} is confirmed`).toContain(code_value);
    expect(labels.filter(({ state }) => state === 'unknown').length).toBeGreaterThan(0);
  }, 90_000);

  it('what another printer at the same address has is not what this one was given', async () => {
    const simulator = await shop.simulator({ speed: 60_000 });
    const printer = await shop.printerAt(simulator, { chunk_size: 6 });
    const job = await printers.print(shop.ctx, printer.name, { source: { batch: (await shop.batch(6)).id } });
    await shop.run();
    await until(async () => ((await shop.states(job)).sent ?? 0) === 6, 'all to be sent');
    const { port } = simulator;
    await simulator.stop();
    const other = await shop.simulator({ dpmm: 12, speed: 60_000 });
    await other.stop();
    await other.start(port);
    const foreign = connect(port, '127.0.0.1');
    closing.push(() => foreign.destroy());
    foreign.write('^XA^FDx^FS^XZ');
    await ended(job, 'attention');
    expect(await shop.states(job)).toEqual({ unknown: 6 });
  });

  it('wants to know of which print job the number is from which labels are printed again', async () => {
    const simulator = await shop.simulator();
    const printer = await shop.printerAt(simulator);
    const jobs: printers.PrintJobRow[] = [];
    for (let n = 0; n < 2; n += 1) {
      const { id } = await shop.batch(6);
      jobs.push(await printers.print(shop.ctx, printer.name, { source: { batch: id } }));
    }
    for (const { id } of jobs) await shop.doubt(id);
    await expect(printers.resume(shop.ctx, printer.id, { from: 4 })).rejects.toThrow(
      `Labels of print jobs ${jobs[0]!.id}, ${jobs[1]!.id} are in doubt`,
    );
    expect(await shop.states(jobs[0]!)).toEqual({ unknown: 6 });
    expect(await printers.resume(shop.ctx, printer.id, { from: 4, print_job: jobs[1]!.id })).toEqual({ labels: 3 });
    expect(await shop.states(jobs[1]!)).toEqual({ confirmed: 3, queued: 3 });
    // Without a number all of all.
    expect(await printers.resume(shop.ctx, printer.id, {})).toEqual({ labels: 6 });
  });

  it('does not call a print job done of which labels were not printed', async () => {
    const simulator = await shop.simulator({ dpmm: 24 });
    const printer = await shop.printerAt(simulator);
    const asset = await assets.served.create(shop.ctx, { asset_tag: unique('TAG'), name: 'Drill' });
    const job = await printers.printLabel(shop.ctx, { asset, printer: printer.name });
    const narrow = JSON.stringify({ symbology: 'code128', width_mm: 10, height_mm: 10, dpi: 203 });
    await site.database.execute('UPDATE print_jobs SET template = ? WHERE id = ?', [narrow, job.id]);
    await shop.run();
    await ended(job, 'failed');
    expect(await shop.states(job)).toEqual({ failed: 1 });
    expect((await shop.labels(job))[0]!.note).toContain('does not fit');
    expect(simulator.printed).toEqual([]);
  });
});
