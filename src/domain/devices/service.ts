/** The scanners of a site: which there are, and in whose name their scans are recorded. */
import { NotFound } from '../../base/errors.ts';
import type { Context, TenantContext } from '../../db/context.ts';
import type { Db } from '../../db/database.ts';
import { guarded, serve } from '../../resource/serve.ts';
import * as store from '../../resource/store.ts';
import * as scans from '../scans/service.ts';
import { type DeviceRow, devices } from './resource.ts';

export { type DeviceRow, deviceKinds } from './resource.ts';

export const served = serve(devices);

/** Every scanner of every tenant that is not disabled; what the station supervisor watches. */
export async function everyActive(db: Db): Promise<DeviceRow[]> {
  const sql = `SELECT ${devices.selection} FROM devices WHERE is_active = ? ORDER BY id`;
  const rows = await db.query(sql, [true]);
  return rows.map((row) => store.decode(devices, row));
}

/** Forgets the scanner of that name. NotFound names those there are. */
export const removeNamed = (ctx: Context, name: string): Promise<DeviceRow> =>
  guarded(ctx, 'accounts', 'delete', async (inside) => {
    const row = await store.findBy(inside, devices, 'name', name);
    if (!row) throw new NotFound(`There is no device "${name}". See \`assetra devices list\`.`);
    await store.remove(inside, devices, row.id);
    return row;
  });

export interface DeviceScan {
  client_event_id: string;
  raw_value: string;
  captured_at: string;
}

/** Records a scan that came over the device's line, as any other scan is recorded. */
export function recordScan(ctx: TenantContext, device: DeviceRow, scan: DeviceScan): Promise<{ scan: scans.ScanRow }> {
  const actor = {
    kind: 'system',
    id: null,
    label: `device:${device.name}`,
    role: 'operator',
    superuser: false,
  } as const;
  const body = { ...scan, location: device.location, source_type: 'external_scanner' };
  return scans.record({ ...ctx, actor, device: device.name }, body);
}
