/** A site with a simulated printer, and runners that print. */

import type { TenantContext } from '../../src/db/context.ts';
import { PrinterSimulator, type SimulatorSettings } from '../../src/devices/simulator/printer.ts';
import * as batches from '../../src/domain/batches/service.ts';
import * as printers from '../../src/domain/printers/service.ts';
import { Runner } from '../../src/jobs/runner.ts';
import { unique } from './samples.ts';
import type { TestSite } from './site.ts';

export interface PrintedLabel {
  position: number;
  code_value: string;
  state: string;
  reprint: boolean;
  note: string;
}

export class PrintShop {
  readonly site: TestSite;
  readonly ctx: TenantContext;
  readonly #simulators: PrinterSimulator[] = [];
  readonly #runners: Runner[] = [];

  constructor(site: TestSite) {
    this.site = site;
    this.ctx = site.as('admin');
  }

  async simulator(settings: Partial<SimulatorSettings> = {}): Promise<PrinterSimulator> {
    const simulator = new PrinterSimulator({ speed: 5, ...settings });
    await simulator.start();
    this.#simulators.push(simulator);
    return simulator;
  }

  /** As the command line sets one up. */
  printer(url: string, more: object = {}): Promise<printers.PrinterRow> {
    const ctx: TenantContext = { ...this.ctx, actor: { ...this.ctx.actor, kind: 'system', superuser: true } };
    return printers.served.create(ctx, { name: unique('Printer'), url, ...more });
  }

  printerAt = (simulator: PrinterSimulator, more: object = {}) =>
    this.printer(`tcp://127.0.0.1:${simulator.port}`, more);

  async batch(count: number, more: object = {}): Promise<batches.BatchRow> {
    const prefix = `${unique('L')}-`;
    return batches.served.create(this.ctx, { prefix, start_sequence: 1, end_sequence: count, ...more });
  }

  async run(): Promise<Runner> {
    const runner = new Runner(
      this.ctx,
      this.site.database,
      { kinds: [printers.printing], concurrency: 4, queues: ['labels'] },
      async () => ({ ...this.ctx, actor: { ...this.ctx.actor, kind: 'system', id: null, label: 'jobs' } }),
    );
    await runner.start();
    this.#runners.push(runner);
    return runner;
  }

  labels(job: { id: number }): Promise<PrintedLabel[]> {
    const sql =
      'SELECT position, code_value, state, reprint, note FROM print_labels WHERE print_job_id = ? ORDER BY position';
    return this.site.database.query<PrintedLabel>(sql, [job.id]);
  }

  async states(job: { id: number }): Promise<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (const { state } of await this.labels(job)) counts[state] = (counts[state] ?? 0) + 1;
    return counts;
  }

  /** As if a power cut had taken all that there is of it. */
  async doubt(job: number): Promise<void> {
    await this.site.database.execute("UPDATE print_labels SET state = 'unknown' WHERE print_job_id = ?", [job]);
    await this.site.database.execute("UPDATE print_jobs SET state = 'attention' WHERE id = ?", [job]);
    await this.site.database.execute("DELETE FROM jobs WHERE kind = 'labels.print'");
  }

  job = (job: { id: number }): Promise<printers.PrintJobRow> => printers.servedJobs.get(this.ctx, job.id);
  row = (printer: { id: number }): Promise<printers.PrinterRow> => printers.served.get(this.ctx, printer.id);

  /** Ends runners and printers. */
  async close(): Promise<void> {
    await Promise.all(this.#runners.splice(0).map((runner) => runner.stop()));
    await Promise.all(this.#simulators.splice(0).map((simulator) => simulator.stop()));
  }
}

/** The codes of what came out, in its order. */
export const codesOn = ({ printed }: PrinterSimulator): string[] =>
  printed.map(({ zpl }) => /\^FDMA,([^^]*)\^FS/.exec(zpl)?.[1] ?? '?');
