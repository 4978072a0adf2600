/** What the admin part of a kiosk's page shows: the scanners, the printers, and what was given up. */
import { z } from 'zod';
import type { Context, TenantContext } from '../../db/context.ts';
import { type Mode, modes } from '../../devices/kinds.ts';
import { deviceSettings } from '../../devices/settings.ts';
import * as deadJobs from '../../queue/dead.ts';
import { guarded } from '../../resource/serve.ts';
import * as devices from '../devices/service.ts';
import * as printers from '../printers/service.ts';
import * as webhooks from '../webhooks/service.ts';

/** A scanner as the process that reads it sees it. */
export interface Line {
  id: number;
  state: string;
  message?: string;
  waiting: number;
  mode: string;
}

export const KioskStatus = z.object({
  version: z.string(),
  /** Of the page's files: another one than the page was loaded with means that it is to be loaded again. */
  page: z.string(),
  devices: z.array(
    z.object({
      name: z.string(),
      /** `open`; `opening` and `waiting` while it cannot be read; `elsewhere`: this server does not read it. */
      state: z.string(),
      message: z.string(),
      /** Scans on the server's disk that are not recorded yet. */
      waiting: z.int(),
      /** What its scans do now, and what they do when nothing was begun. */
      mode: z.enum(modes),
      rest_mode: z.enum(modes),
    }),
  ),
  printers: z.array(z.object({ name: z.string(), state: z.string(), message: z.string() })),
  /** Deliveries and jobs that were given up. */
  dead_letters: z.int(),
});
export type KioskStatus = z.output<typeof KioskStatus>;

export const statusOf = (ctx: Context, lines: readonly Line[]): Promise<Omit<KioskStatus, 'version' | 'page'>> =>
  guarded(ctx, 'assets', 'view', async (inside) => ({
    devices: await scannersOf(inside, lines),
    printers: (await printers.states(inside)).map(({ name, state, message }) => ({ name, state, message })),
    dead_letters: (await webhooks.deadCount(inside)) + (await deadJobs.count(inside)),
  }));

async function scannersOf(ctx: TenantContext, lines: readonly Line[]): Promise<KioskStatus['devices']> {
  const byId = new Map(lines.map((line) => [line.id, line]));
  const own = (await devices.everyActive(ctx.db)).filter(({ tenant }) => tenant === ctx.tenant.id);
  return own.map(({ id, name, settings }) => {
    const line = byId.get(id);
    const { mode: rest_mode } = deviceSettings.parse(settings);
    const { state = 'elsewhere', message = '', waiting = 0, mode = rest_mode } = line ?? {};
    return { name, state, message, waiting, mode: mode as Mode, rest_mode };
  });
}
