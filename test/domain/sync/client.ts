/** Calls of sync/ as an app makes them, and what tests need around them. */
import type { Role, Tenant } from '../../../src/db/context.ts';
import type { Reply, TestApp } from '../../support/app.ts';
import { unique } from '../../support/samples.ts';

export interface Sync {
  role?: Role;
  tenant?: Tenant;
  device?: string;
  [field: string]: unknown;
}

/** One request; the answer whatever its status. */
export function send(app: TestApp, { role, tenant, device, ...body }: Sync = {}): Promise<Reply> {
  const identified = device === undefined ? body : { ...body, device_identifier: device };
  return app.call('POST', 'sync/', { ...(role && { role }), ...(tenant && { tenant }), body: identified });
}

/** The body of an answer that must be 200. */
// biome-ignore lint/suspicious/noExplicitAny: tests read what they expect.
export async function sync(app: TestApp, body: Sync = {}): Promise<any> {
  const answer = await send(app, body);
  if (answer.status !== 200) throw new Error(`sync answered ${answer.status}: ${answer.text}`);
  return answer.body;
}

/** Creates an asset and answers its row. */
export async function newAsset(app: TestApp, fields: object = {}) {
  const body = { asset_tag: unique('SY'), name: 'Drill', ...fields };
  const answer = await app.call('POST', 'assets/', { body });
  if (answer.status !== 201) throw new Error(answer.text);
  return answer.body;
}

export const scan = (fields: object = {}) => ({
  client_event_id: crypto.randomUUID(),
  raw_value: unique('RAW'),
  symbology: 'qr',
  source_type: 'camera',
  captured_at: '2026-11-01T10:00:00.000Z',
  ...fields,
});

export const change = (app: TestApp, id: number, fields: object) =>
  app.call('PATCH', `assets/${id}/`, { body: fields }).then(({ body }) => body);

export const read = (app: TestApp, id: number) => app.call('GET', `assets/${id}/`).then(({ body }) => body);

export async function historyOf(app: TestApp, id: number) {
  const { body } = await app.call('GET', `assets/${id}/history/?page_size=500&ordering=id`);
  return body.results;
}

/** Follows the log from a cursor, or a snapshot first, to its end. */
export async function pullAll(app: TestApp, body: Sync = {}) {
  // biome-ignore lint/suspicious/noExplicitAny: rows as they are answered.
  const rows = new Map<number, any>();
  const pages: number[] = [];
  const deleted = new Set<number>();
  let cursor = (body.cursor as string | undefined) ?? '';
  for (let more = true; more; ) {
    const page = await sync(app, { ...body, cursor });
    for (const row of page.asset_changes) rows.set(row.id, row);
    for (const id of page.deleted_asset_ids) deleted.add(id);
    pages.push(page.asset_changes.length + page.deleted_asset_ids.length);
    cursor = page.next_cursor;
    more = page.has_more;
  }
  return { rows, deleted, cursor, pages };
}
