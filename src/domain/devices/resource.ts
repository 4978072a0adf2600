import { z } from 'zod';
import { deviceKinds, modes } from '../../devices/kinds.ts';
import { deviceSettings } from '../../devices/settings.ts';
import { defineResource, type RowOf } from '../../resource/define.ts';
import { flag, optionalInstant, optionalReference, reference, text } from '../../resource/fields.ts';
import { wording } from '../../resource/parse.ts';

/** Scanners that the daemon itself reads. For admins alone: a path is opened on the machine that the daemon runs on. */
export const devices = defineResource({
  name: 'device',
  path: 'devices',
  table: 'devices',
  area: 'accounts',
  fields: z.object({
    name: text(120),
    kind: z.enum(deviceKinds),
    path: text(255),
    location: optionalReference(),
    /** Only what differs from the defaults, so that a better default reaches the devices there are. */
    settings: z
      .record(z.string(), z.unknown())
      .superRefine((settings, ctx) => {
        const { error } = deviceSettings.safeParse(settings, { error: wording });
        for (const { path, message } of error?.issues ?? []) ctx.addIssue({ code: 'custom', path: [...path], message });
      })
      .default({}),
    is_active: flag(true),
  }),
  refs: { location: { table: 'locations', label: 'Location' } },
  search: ['name', 'path'],
  ordering: ['name'],
  order: 'name',
  filters: ['kind', 'is_active'],
});

/**
 * What became of a scan: `recorded` and `unknown` (it names no asset) in the mode record; `refused` says why a mode did
 * nothing with it; `rejected`: the code breaks the rules of its symbology.
 */
export const outcomes = [
  'recorded',
  'unknown',
  'rejected',
  'command',
  'badge',
  'place',
  'checked_out',
  'checked_in',
  'moved',
  'counted',
  'refused',
] as const;
export type Outcome = (typeof outcomes)[number];

/**
 * What scans did in a mode, and where command codes, badges and places led, one for each scan: written with it, so that a scan
 * that comes again does nothing again, and so that screens tell it. A scanner that only records leaves none.
 */
export const deviceActions = defineResource({
  name: 'device action',
  path: 'device-actions',
  table: 'device_actions',
  area: 'assets',
  fields: z.object({}),
  readOnly: z.object({
    scan_event: reference(),
    device: z.string(),
    mode: z.enum(modes),
    outcome: z.enum(outcomes),
    message: z.string(),
    /** The mode after it, when silence ends that, and the one that follows then. */
    next_mode: z.enum(modes),
    mode_until: optionalInstant(),
    rest_mode: z.enum(modes),
    /** Whom assets are checked out to, or the place that they are moved to. */
    subject: z.string(),
  }),
  refs: { scan_event: { table: 'scan_events', label: 'Scan event' } },
  search: ['device', 'message'],
  ordering: ['device', 'mode', 'outcome'],
  order: '-id',
  filters: ['device', 'mode', 'outcome', 'scan_event'],
});

export type DeviceRow = RowOf<typeof devices>;
export type ActionRow = RowOf<typeof deviceActions>;
