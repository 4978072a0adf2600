/** The scanners of a site: which there are, and what their scans do. */
import { Invalid, NotFound } from '../../base/errors.ts';
import type { Context, TenantContext } from '../../db/context.ts';
import type { Db } from '../../db/database.ts';
import { pathFault } from '../../devices/paths.ts';
import { deviceSettings } from '../../devices/settings.ts';
import type { Fields } from '../../resource/define.ts';
import { guarded, type Operation, serve } from '../../resource/serve.ts';
import * as store from '../../resource/store.ts';
import type { ModeState } from './modes.ts';
import { type DeviceRow, deviceActions, devices } from './resource.ts';
import {
  type Answer,
  DeviceAnswer,
  DeviceAnswers,
  DeviceScan,
  DeviceScans,
  type LineScan,
  receive,
  receiveMany,
  take,
} from './scan.ts';

export { deviceKinds } from '../../devices/kinds.ts';
export { ModeState, mostScans } from './modes.ts';
export { type ActionRow, type DeviceRow, deviceActions as actions } from './resource.ts';
export { type Answer, DeviceAnswer, type LineScan } from './scan.ts';

export const served = serve(devices, {
  create: (ctx, values) => {
    checkPath(values);
    return store.insert(ctx, devices, values);
  },
  update: (ctx, row, changes: Partial<Fields<typeof devices>>) => {
    checkPath({ ...row, ...changes });
    return store.update(ctx, devices, row, changes);
  },
});

const servedActions = serve(deviceActions, {}, ['list', 'get']);

export const deviceOperations: Operation[] = [
  ...served.operations,
  ...servedActions.operations,
  {
    id: 'device-scans.create',
    method: 'POST',
    path: 'device-scans',
    tag: 'devices',
    summary: 'Record a scan of a scanner that is plugged in elsewhere, and do what its mode says',
    area: 'assets',
    action: 'create',
    kind: 'value',
    status: 200,
    body: DeviceScan,
    answer: DeviceAnswer,
    run: (ctx, input) => receive(ctx, input.body),
  },
  {
    id: 'device-scans.bulk',
    method: 'POST',
    path: 'device-scans/bulk',
    tag: 'devices',
    summary: 'The same for several scans of one scanner in their order: all of them, or none when one is refused',
    area: 'assets',
    action: 'create',
    kind: 'value',
    status: 200,
    body: DeviceScans,
    answer: DeviceAnswers,
    run: (ctx, input) => receiveMany(ctx, input.body),
  },
];

function checkPath({ kind, path }: Pick<DeviceRow, 'kind' | 'path'>): void {
  const fault = pathFault(kind, path);
  if (fault) throw new Invalid({ path: [fault] });
}

/** Every scanner that is not disabled, nor its tenant; what the station supervisor watches. */
export async function everyActive(db: Db): Promise<DeviceRow[]> {
  const ofActive = 'tenant_id IN (SELECT id FROM tenants WHERE is_active = ?)';
  const sql = `SELECT ${devices.selection} FROM devices WHERE is_active = ? AND ${ofActive} ORDER BY id`;
  const rows = await db.query(sql, [true, true]);
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

/** Scans that came over the line of one of our own devices; `state` is what the last answer before them had. */
export function recordScans(
  ctx: TenantContext,
  device: DeviceRow,
  sent: readonly LineScan[],
  state: ModeState | null = null,
): Promise<Answer[]> {
  const actor = {
    kind: 'system',
    id: null,
    label: `device:${device.name}`,
    role: 'operator',
    superuser: false,
  } as const;
  const { mode, mode_timeout_s, session } = deviceSettings.parse(device.settings);
  const { name, location } = device;
  return take({ ...ctx, actor, device: name }, { device: name, location, mode, mode_timeout_s, session, state }, sent);
}
