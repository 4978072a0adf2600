import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import type { TenantContext } from '../../../src/db/context.ts';
import * as assets from '../../../src/domain/assets/service.ts';
import * as printers from '../../../src/domain/printers/service.ts';
import { onEveryDatabase } from '../../support/databases.ts';
import { PrintShop } from '../../support/printing.ts';
import { until } from '../../support/pty.ts';
import { unique } from '../../support/samples.ts';
import { type TestSite, testSite } from '../../support/site.ts';

onEveryDatabase('print jobs that are forgotten', (dialect) => {
  let site: TestSite;
  let shop: PrintShop;
  beforeAll(async () => {
    site = await testSite(dialect);
    shop = new PrintShop(site);
  });
  afterEach(() => shop.close());
  afterAll(() => site.close());

  const later = () => new Date(Date.now() + 1_000).toISOString();
  const earlier = () => new Date(Date.now() - 60_000).toISOString();
  const known = async () => (await printers.servedJobs.list(shop.ctx)).rows.map(({ id }) => id);
  async function printedBatch(count: number) {
    const simulator = await shop.simulator();
    const printer = await shop.printerAt(simulator);
    const batch = await shop.batch(count);
    const print = (ctx: TenantContext = shop.ctx) => printers.print(ctx, printer.name, { source: { batch: batch.id } });
    const job = await print();
    await shop.run();
    await until(async () => (await shop.job(job)).state === 'done', 'it to be printed', 20_000);
    return { printer, batch, job, print };
  }

  it('go when they are old, and their batch is still not printed a second time', async () => {
    const { job, print } = await printedBatch(4);
    await printers.prune(site.database, earlier());
    expect(await known()).toContain(job.id);
    await printers.prune(site.database, later());
    expect(await known()).not.toContain(job.id);
    expect(await shop.labels(job)).toEqual([]);
    await expect(print()).rejects.toThrow('4 of these 4 labels were given to a printer already');
    // Twice the same codes: they are remembered once.
    await printers.prune(site.database, later());
  });

  it('stay while they are open or labels of them are in doubt', async () => {
    const { printer } = await printedBatch(2);
    const doubted = await printers.print(shop.ctx, printer.name, { source: { batch: (await shop.batch(3)).id } });
    await until(async () => (await shop.job(doubted)).state === 'done', 'it to be printed', 20_000);
    await shop.close();
    await shop.doubt(doubted.id);
    const open = await printers.print(shop.ctx, printer.name, { source: { batch: (await shop.batch(1)).id } });
    await printers.prune(site.database, later());
    expect((await known()).sort()).toEqual([doubted.id, open.id].sort());
    await printers.cancel(shop.ctx, printer.id, {});
    await printers.prune(site.database, later());
    expect(await known()).toEqual([]);
  });

  it('labels that were not printed are not remembered, and the memory is a tenant’s own', async () => {
    const simulator = await shop.simulator();
    const printer = await shop.printerAt(simulator);
    const batch = await shop.batch(2);
    const print = () => printers.print(shop.ctx, printer.name, { source: { batch: batch.id } });
    await print();
    await printers.cancel(shop.ctx, printer.id, {});
    await printers.prune(site.database, later());
    expect((await print()).total).toBe(2);
    const rows = await site.database.query('SELECT * FROM printed_codes WHERE code_value = ?', [`${batch.prefix}1`]);
    expect(rows).toEqual([]);
    await printers.cancel(shop.ctx, printer.id, {});
  });

  it('with their printer too: a batch is not printed again on a new one, and a label of an asset is a reprint', async () => {
    const { printer, batch } = await printedBatch(3);
    const asset = await assets.served.create(shop.ctx, { asset_tag: unique('TAG'), name: 'Drill' });
    const first = await printers.printLabel(shop.ctx, { asset, printer: printer.name });
    await until(async () => (await shop.job(first)).state === 'done', 'it to be printed', 20_000);
    await printers.served.remove(shop.ctx, printer.id);
    const other = await shop.printerAt(await shop.simulator());
    await expect(printers.print(shop.ctx, other.name, { source: { batch: batch.id } })).rejects.toThrow('3 of these 3');
    const second = await printers.printLabel(shop.ctx, { asset, printer: other.name });
    expect((await shop.labels(second)).map(({ reprint }) => Boolean(reprint))).toEqual([true]);
    await printers.cancel(shop.ctx, other.id, {});
  });
});
