/** Where printers may be, and what becomes of their work when they move. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { TenantContext } from '../../../src/db/context.ts';
import * as batches from '../../../src/domain/batches/service.ts';
import * as printers from '../../../src/domain/printers/service.ts';
import * as templates from '../../../src/domain/templates/service.ts';
import { onEveryDatabase } from '../../support/databases.ts';
import { codesOn, PrintShop } from '../../support/printing.ts';
import { until } from '../../support/pty.ts';
import { unique } from '../../support/samples.ts';
import { type TestSite, testSite } from '../../support/site.ts';

onEveryDatabase('setting up printers', (dialect) => {
  let site: TestSite;
  let shop: PrintShop;
  let atShell: TenantContext;
  beforeAll(async () => {
    site = await testSite(dialect);
    shop = new PrintShop(site);
    atShell = { ...shop.ctx, actor: { ...shop.ctx.actor, kind: 'system', superuser: true } };
  });
  afterEach(() => shop.close());
  afterAll(() => site.close());

  const overApi = (url: string) => printers.served.create(shop.ctx, { name: unique('P'), url });
  const done = (job: printers.PrintJobRow, state = 'done') =>
    until(async () => (await shop.job(job)).state === state, `the print job to be ${state}`, 20_000);

  describe('over the API', () => {
    it.each([
      'usb:/etc/assetra/assetra.env',
      '/srv/assetra/keys/site.key',
      '/dev/usb/../../srv/assetra/assetra.db',
      '/dev/mem',
      'serial:/srv/assetra/assetra.db',
      'serial:/dev/../etc/passwd',
      'dir:/srv/labels',
      'file:/srv/labels.zpl',
    ])('%s is for whoever has the shell', (url) =>
      expect(overApi(url)).rejects.toThrow(/set up by `assetra printer add` alone/),
    );

    it.each([
      'tcp://169.254.169.254:80',
      'ipp://169.254.169.254/latest/meta-data',
      'tcp://[fd00:ec2::254]',
      'tcp://0.0.0.0',
      'ipp://224.0.0.1/x',
    ])('%s is no place of a printer', (url) => expect(overApi(url)).rejects.toThrow(/link-local, metadata/));

    it.each(['/dev/usb/lp0', '/dev/usb//lp1', 'serial:/dev/serial/by-id/usb-1', 'tcp://10.0.0.7', 'ipp://cups/p/q'])(
      '%s is one',
      async (url) => {
        const { id } = await overApi(url);
        await printers.served.remove(shop.ctx, id);
      },
    );
  });

  it('a printer of the shell can be written whole over the API as it is', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'assetra-labels-'));
    const printer = await shop.printer(`dir:${folder}`);
    const changed = await printers.served.change(shop.ctx, printer.id, { url: printer.url, chunk_size: 3 });
    expect(changed.chunk_size).toBe(3);
    rmSync(folder, { recursive: true });
  });

  it('writes over no file that is not a device', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'assetra-file-'));
    const path = join(folder, 'assetra.db');
    writeFileSync(path, 'precious');
    const printer = await shop.printer(`usb:${path}?status=none`);
    const job = await printers.print(shop.ctx, printer.name, { source: { batch: (await shop.batch(2)).id } });
    await shop.run();
    await until(async () => (await shop.row(printer)).state === 'blocked', 'it to be refused');
    expect(readFileSync(path, 'utf8')).toBe('precious');
    expect(await shop.states(job)).toEqual({ queued: 2 });
    await printers.cancel(shop.ctx, printer.id, {});
    rmSync(folder, { recursive: true });
  });

  it('a printer that gets another address keeps its work', async () => {
    const simulator = await shop.simulator();
    const other = await shop.simulator();
    const printer = await shop.printerAt(simulator);
    const batch = await shop.batch(6);
    await simulator.stop();
    const job = await printers.print(shop.ctx, printer.name, { source: { batch: batch.id } });
    await shop.run();
    await until(async () => (await shop.row(printer)).reason === 'offline', 'it to be missed');
    await site.database.execute('UPDATE printers SET attention_at = created_at WHERE id = ?', [printer.id]);
    const moved = await printers.served.change(atShell, printer.id, { url: `tcp://127.0.0.1:${other.port}` });
    expect(moved).toMatchObject({ state: 'new', reason: '', blocked_at: null, attention_at: null });
    await done(job);
    expect(codesOn(other)).toEqual([1, 2, 3, 4, 5, 6].map((n) => `${batch.prefix}${n}`));
    const left = await site.database.query<{ payload: string }>("SELECT payload FROM jobs WHERE kind = 'labels.print'");
    expect(left.filter(({ payload }) => JSON.parse(payload).print_job === job.id)).toEqual([]);
  });

  it('what the printer at the old address was given is in doubt at the new one', async () => {
    const simulator = await shop.simulator({ speed: 60 });
    const other = await shop.simulator();
    const printer = await shop.printerAt(simulator, { chunk_size: 5 });
    const job = await printers.print(shop.ctx, printer.name, { source: { batch: (await shop.batch(12)).id } });
    await shop.run();
    await until(async () => ((await shop.states(job)).sent ?? 0) > 0, 'some to be sent');
    await printers.served.change(atShell, printer.id, { url: `tcp://127.0.0.1:${other.port}` });
    await done(job, 'attention');
    const out = [...codesOn(simulator), ...codesOn(other)];
    expect(new Set(out).size).toBe(out.length);
    for (const { state, code_value } of await shop.labels(job))
      if (state === 'confirmed') expect(out).toContain(code_value);
  });

  it('what another program has given the printer at the new address confirms nothing', async () => {
    const simulator = await shop.simulator({ speed: 60_000 });
    const other = await shop.simulator({ speed: 60_000 });
    const foreign = connect(other.port, '127.0.0.1');
    foreign.write('^XA^FDx^FS^XZ');
    await until(() => other.held === 1, 'it to have a label');
    const printer = await shop.printerAt(simulator, { chunk_size: 6 });
    const job = await printers.print(shop.ctx, printer.name, { source: { batch: (await shop.batch(6)).id } });
    await shop.run();
    await until(async () => ((await shop.states(job)).sent ?? 0) === 6, 'all to be sent');
    await printers.served.change(atShell, printer.id, { url: `tcp://127.0.0.1:${other.port}` });
    await done(job, 'attention');
    expect(await shop.states(job)).toEqual({ unknown: 6 });
    foreign.destroy();
  });

  it('what it was given is waited for when only the way of asking it changes', async () => {
    const simulator = await shop.simulator({ speed: 60_000 });
    const printer = await shop.printerAt(simulator, { chunk_size: 6 });
    const job = await printers.print(shop.ctx, printer.name, { source: { batch: (await shop.batch(6)).id } });
    await shop.run();
    await until(async () => ((await shop.states(job)).sent ?? 0) === 6, 'all to be sent');
    await printers.served.change(atShell, printer.id, { url: `${printer.url}?status=none` });
    await done(job);
    expect(await shop.states(job)).toEqual({ sent: 6 });
  });

  it('prints what was asked for, although its template changes and its batch goes meanwhile', async () => {
    const simulator = await shop.simulator({ speed: 20 });
    const printer = await shop.printerAt(simulator, { chunk_size: 5 });
    const size = { symbology: 'qr', width_mm: 50, height_mm: 25, dpi: 203 };
    const template = await templates.served.create(shop.ctx, { name: unique('T'), ...size, text_template: 'OLD' });
    const batch = await shop.batch(15, { template: template.id });
    const job = await printers.print(shop.ctx, printer.name, { source: { batch: batch.id } });
    await shop.run();
    await until(() => simulator.printed.length > 3, 'some to come out');
    await templates.served.change(shop.ctx, template.id, { text_template: 'NEW' });
    await batches.served.remove(shop.ctx, batch.id);
    await templates.served.remove(shop.ctx, template.id);
    await done(job);
    expect(codesOn(simulator)).toEqual(Array.from({ length: 15 }, (_, n) => `${batch.prefix}${n + 1}`));
    for (const { zpl } of simulator.printed) expect(zpl).toContain('^FDOLD^FS');
    expect((await shop.job(job)).batch).toBeNull();
  });

  it('takes a number for an id and a text for a name, then for an id', async () => {
    const simulator = await shop.simulator();
    const one = await shop.printerAt(simulator);
    const two = await shop.printer(`tcp://127.0.0.1:${simulator.port}`, { name: String(one.id) });
    expect((await printers.printerOf(shop.ctx, one.id)).id).toBe(one.id);
    expect((await printers.printerOf(shop.ctx, String(one.id))).id).toBe(two.id);
    expect((await printers.printerOf(shop.ctx, String(two.id))).id).toBe(two.id);
  });
});
