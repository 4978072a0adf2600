/** Devices that run an app of ours, and the features that are switched on for them. */
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { Invalid } from '../../base/errors.ts';
import { sha256 } from '../../base/ids.ts';
import type { Context, TenantContext } from '../../db/context.ts';
import { parse } from '../../resource/parse.ts';
import { guarded, type Operation, serve } from '../../resource/serve.ts';
import * as store from '../../resource/store.ts';
import { Conditions, deviceProfiles, type FlagRow, featureFlags, type ProfileRow } from './resource.ts';

export const servedProfiles = serve(deviceProfiles);
export const servedFlags = serve(featureFlags);

const Query = z.object({
  device_profile: z
    .string()
    .regex(/^\d{1,15}$/, { error: 'A valid integer is required.' })
    .optional(),
  device_identifier: z.string().min(1).max(200).optional(),
});

/** Every flag of the tenant for one device, by key. */
export const evaluate = (ctx: Context, query: unknown): Promise<Record<string, boolean>> =>
  guarded(ctx, 'other', 'view', async (inside) => {
    const profile = await profileOf(inside, parse(Query, query));
    const sql = `SELECT ${featureFlags.selection} FROM feature_flags WHERE tenant_id = ? ORDER BY id`;
    const flags = (await inside.db.query(sql, [inside.tenant.id])).map((row) => store.decode(featureFlags, row));
    return Object.fromEntries(flags.map((flag) => [flag.key, isOn(flag, profile)]));
  });

/** Invalid on the parameter that names no device of the tenant. */
async function profileOf(ctx: TenantContext, query: z.output<typeof Query>): Promise<ProfileRow> {
  const { device_profile, device_identifier } = query;
  if (device_profile === undefined && device_identifier === undefined)
    throw new Invalid('Give device_profile or device_identifier.');
  if (device_profile !== undefined && device_identifier !== undefined)
    throw new Invalid('Give device_profile or device_identifier, not both.');
  const [field, column, value] =
    device_profile === undefined
      ? ['device_identifier', 'device_identifier', device_identifier!]
      : ['device_profile', 'id', Number(device_profile)];
  const profile = await store.findBy(ctx, deviceProfiles, column as string, value);
  if (!profile) throw new Invalid({ [field]: ['Device profile not found.'] });
  return profile;
}

export function isOn(
  { key, enabled, conditions }: Pick<FlagRow, 'key' | 'enabled' | 'conditions'>,
  device: Pick<ProfileRow, 'platform' | 'device_identifier' | 'sdk_features'>,
): boolean {
  const { platform, device_identifier, percentage, sdk_features } = Conditions.parse(conditions);
  const among = (value: string, wanted: string | string[] | undefined) =>
    wanted === undefined || (Array.isArray(wanted) ? wanted.includes(value) : wanted === value);
  return (
    enabled &&
    among(device.platform, platform) &&
    among(device.device_identifier, device_identifier) &&
    (percentage === undefined || placeOf(key, device.device_identifier) < percentage) &&
    Object.entries(sdk_features ?? {}).every(
      ([name, value]) =>
        Object.hasOwn(device.sdk_features, name) && isDeepStrictEqual(device.sdk_features[name], value),
    )
  );
}

/** Where the device stands between 0 and 100 for this flag: the same at every call, another for every flag. */
const placeOf = (key: string, device: string): number =>
  (Number.parseInt(sha256(`${key}\n${device}`).slice(0, 8), 16) / 2 ** 32) * 100;

export const profileOperations: Operation[] = [
  ...servedProfiles.operations,
  ...servedFlags.operations,
  {
    id: 'feature-flags.evaluate',
    method: 'GET',
    path: 'feature-flags/evaluate',
    tag: 'feature-flags',
    summary: 'Which features are on for a device',
    area: 'other',
    action: 'view',
    kind: 'value',
    status: 200,
    query: Query,
    answer: z.record(z.string(), z.boolean()),
    run: (ctx, input) => evaluate(ctx, input.query),
  },
];
