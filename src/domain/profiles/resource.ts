import { z } from 'zod';
import { defineResource, type RowOf } from '../../resource/define.ts';
import { flag, jsonObject, longText, text } from '../../resource/fields.ts';
import { wording } from '../../resource/parse.ts';

export const platforms = ['android', 'ios', 'web', 'kiosk', 'printer'] as const;

export const deviceProfiles = defineResource({
  name: 'device profile',
  path: 'device-profiles',
  table: 'device_profiles',
  area: 'other',
  fields: z.object({
    name: text(200),
    platform: z.enum(platforms),
    device_identifier: text(200),
    sdk_features: jsonObject(),
  }),
  search: ['name', 'device_identifier'],
  ordering: ['name', 'platform'],
  order: 'name',
  filters: ['platform', 'device_identifier'],
});

const oneOrMore = <S extends z.ZodType>(schema: S, error: string) =>
  z.union([schema, z.array(schema).min(1).max(1_000)], { error });

/** Every one that is given must hold. */
export const Conditions = z.strictObject({
  platform: oneOrMore(z.enum(platforms), `One of ${platforms.join(', ')}, or a list of them.`).optional(),
  device_identifier: oneOrMore(z.string().min(1).max(200), 'A device identifier, or a list of them.').optional(),
  /** Of the devices, always the same ones for a flag. */
  percentage: z.number().min(0).max(100).optional(),
  /** Each of these must be in the device's sdk_features, with this value. */
  sdk_features: z.record(z.string(), z.unknown()).optional(),
});

export const featureFlags = defineResource({
  name: 'feature flag',
  path: 'feature-flags',
  table: 'feature_flags',
  area: 'other',
  fields: z.object({
    key: text(120),
    description: longText(),
    enabled: flag(false),
    conditions: z
      .record(z.string(), z.unknown())
      .superRefine((conditions, ctx) => {
        const { error } = Conditions.safeParse(conditions, { error: wording });
        for (const { path, message } of error?.issues ?? []) ctx.addIssue({ code: 'custom', path: [...path], message });
      })
      .default({}),
  }),
  search: ['key', 'description'],
  ordering: ['key'],
  order: 'key',
  filters: ['key', 'enabled'],
});

export type ProfileRow = RowOf<typeof deviceProfiles>;
export type FlagRow = RowOf<typeof featureFlags>;
