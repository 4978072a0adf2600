/** /kiosk/: the page for a screen beside a scanner, from templates/kiosk, and the exchange of its one-time code. */
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import type Router from '@koa/router';
import type { Context } from 'koa';
import { NotFound } from '../base/errors.ts';
import { sha256 } from '../base/ids.ts';
import { packageRoot, programVersion } from '../base/paths.ts';
import { redeem } from '../domain/kiosk/service.ts';
import { type Line, statusOf } from '../domain/kiosk/status.ts';
import { readJson } from './body.ts';
import type { AddressOf } from './client-address.ts';
import type { Checks } from './health.ts';
import type { Enter } from './mount.ts';
import type { Begin } from './session.ts';

const folder = join(packageRoot, 'templates/kiosk');
/** The page holds a token: it runs and reaches nothing but this site, and nobody frames it. */
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
  "worker-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'";

/** Those that are told of which page they are. */
const stamped = ['index.html', 'sw.js'];

export interface KioskParts {
  begin: Begin;
  enter: Enter;
  addressOf: AddressOf;
  checks: Checks;
}

export function mountKiosk(router: Router, { begin, enter, addressOf, checks }: KioskParts): void {
  const version = programVersion();
  const page = pageOf();
  router.get('/api/v1/kiosk/status', async (koa) => {
    koa.state.endpoint = '/api/v1/kiosk/status/';
    const context = koa as unknown as Context;
    const ctx = await enter(context);
    const lines = ((await checks.devices?.())?.devices ?? []) as Line[];
    context.set('Cache-Control', 'no-store');
    context.type = 'json';
    context.body = JSON.stringify({ version, page, ...(await statusOf(ctx, lines)) });
  });
  router.post('/api/v1/kiosk/pair', async (koa) => {
    koa.state.endpoint = '/api/v1/kiosk/pair/';
    const context = koa as unknown as Context;
    const paired = await redeem(begin(context), await readJson(context), addressOf(context));
    context.set('Cache-Control', 'no-store');
    context.type = 'json';
    context.body = JSON.stringify(paired);
  });
  router.get('/kiosk', (koa) => {
    koa.state.endpoint = '/kiosk/';
    const context = koa as unknown as Context;
    // The page names its files from where it is; so it also works below a path of a proxy.
    if (!context.path.endsWith('/')) return context.redirect('kiosk/');
    send(context, 'index.html', page);
  });
  router.get('/kiosk/:file', (koa) => {
    koa.state.endpoint = '/kiosk/:file';
    send(koa as unknown as Context, koa.params.file!, page);
  });
}

/** One name for all files of the page as they are when the daemon starts. */
const pageOf = (): string =>
  sha256(
    readdirSync(folder)
      .sort()
      .map((file) => sha256(readFileSync(join(folder, file))))
      .join(),
  ).slice(0, 16);

/** Files are asked for again each time, so that a screen that is never closed gets the new ones after an upgrade. */
function send(context: Context, file: string, page: string): void {
  if (!readdirSync(folder).includes(file)) throw new NotFound();
  const read = readFileSync(join(folder, file));
  const bytes = stamped.includes(file) ? Buffer.from(read.toString().replace('{{page}}', page)) : read;
  context.set({
    'Content-Security-Policy': policy,
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer',
    'Cache-Control': 'no-cache',
  });
  context.type = extname(file);
  context.etag = sha256(bytes).slice(0, 32);
  context.status = 200;
  if (context.fresh) context.status = 304;
  else context.body = bytes;
}
