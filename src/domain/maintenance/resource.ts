import { z } from 'zod';
import { defineResource, type RowOf } from '../../resource/define.ts';
import {
  flag,
  instant,
  jsonObject,
  longText,
  optionalInstant,
  optionalReference,
  reference,
  text,
} from '../../resource/fields.ts';

const asset = { table: 'assets', label: 'Asset' };
const days = (least: number) => z.int().min(least).max(36_500);

export const planKinds = ['maintenance', 'inspection'] as const;
export type PlanKind = (typeof planKinds)[number];

/** A row that is sent back without its plan keeps it: older clients know of none. */
const plan = () => reference().nullable().optional();
const ofPlan = { table: 'maintenance_plans', label: 'Maintenance plan' };

/** Upkeep that comes again; several for an asset. An active plan has one open record: the next time. */
export const maintenancePlans = defineResource({
  name: 'maintenance plan',
  path: 'maintenance-plans',
  table: 'maintenance_plans',
  area: 'other',
  fields: z.object({
    asset: reference(),
    kind: z.enum(planKinds).default('maintenance').describe('Which kind of record it makes'),
    name: text(200),
    every_days: days(1),
    lead_days: days(0).default(7).describe('How long before its time a record counts as due'),
    next_due_at: instant().optional().describe('every_days from now unless given'),
    is_active: flag(true),
  }),
  readOnly: z.object({ last_performed_at: optionalInstant() }),
  refs: { asset },
  search: ['name'],
  ordering: ['name', 'next_due_at'],
  order: 'next_due_at',
  filters: ['asset', 'kind', 'is_active'],
});

/** Open until it has `performed_at`. */
export const maintenanceRecords = defineResource({
  name: 'maintenance record',
  path: 'maintenance-records',
  table: 'maintenance_records',
  area: 'other',
  fields: z.object({
    asset: reference(),
    plan: plan(),
    scheduled_at: optionalInstant(),
    performed_at: optionalInstant(),
    notes: longText(),
    result_data: jsonObject(),
  }),
  /** From when on it counts as due: `scheduled_at` less the lead days of its plan. */
  readOnly: z.object({ due_from: optionalInstant() }),
  refs: { asset, plan: ofPlan },
  search: ['notes'],
  order: '-created_at',
  filters: ['asset', 'plan'],
});

/** Open while it has no `inspected_at`; one with neither time was made now. */
export const inspectionRecords = defineResource({
  name: 'inspection record',
  path: 'inspection-records',
  table: 'inspection_records',
  area: 'other',
  fields: z.object({
    asset: reference(),
    plan: plan(),
    inspector: optionalReference(),
    scheduled_at: optionalInstant(),
    inspected_at: optionalInstant(),
    status: text(40).default('pending'),
    details: jsonObject(),
  }),
  /** From when on it counts as due: `scheduled_at` less the lead days of its plan. */
  readOnly: z.object({ due_from: optionalInstant() }),
  refs: { asset, plan: ofPlan, inspector: { table: 'memberships', column: 'user_id', label: 'Member' } },
  search: ['status'],
  ordering: ['status'],
  order: '-created_at',
  filters: ['asset', 'plan', 'inspector', 'status'],
});

export type PlanRow = RowOf<typeof maintenancePlans>;
