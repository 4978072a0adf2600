import { z } from 'zod';
import { defineResource, type RowOf } from '../../resource/define.ts';
import { flag, jsonObject, optionalInstant, optionalReference, reference, text } from '../../resource/fields.ts';
import { EntryConditions, Steps, triggers } from './steps.ts';

export const workflowDefinitions = defineResource({
  name: 'workflow definition',
  path: 'workflow-definitions',
  table: 'workflow_definitions',
  area: 'workflows',
  fields: z.object({
    name: text(200),
    version: z.int().min(1).max(1_000_000).default(1),
    trigger_type: z.enum(triggers, {
      error: ({ input }) =>
        input === undefined ? undefined : `Invalid trigger type. Supported: ${triggers.join(', ')}`,
    }),
    entry_conditions: EntryConditions.default([]),
    steps: Steps,
    is_active: flag(true),
  }),
  search: ['name'],
  ordering: ['name', 'version', 'trigger_type'],
  order: 'name',
  filters: ['name', 'trigger_type', 'is_active'],
});

export const runStatuses = ['pending', 'running', 'success', 'failed'] as const;

/** A view over runs with the names that lists show; only the engine writes them. */
export const workflowRuns = defineResource({
  name: 'workflow run',
  path: 'workflow-runs',
  table: 'named_workflow_runs',
  area: 'workflows',
  fields: z.object({}),
  readOnly: z.object({
    workflow: reference(),
    workflow_name: z.string(),
    asset: optionalReference(),
    asset_tag: z.string().nullable(),
    scan_event: optionalReference(),
    status: z.enum(runStatuses),
    context: jsonObject(),
    input_data: jsonObject(),
    output_data: jsonObject(),
    error: z.string(),
    started_at: optionalInstant(),
    completed_at: optionalInstant(),
  }),
  refs: {
    workflow: { table: 'workflow_definitions', label: 'Workflow definition' },
    asset: { table: 'assets', label: 'Asset' },
    scan_event: { table: 'scan_events', label: 'Scan event' },
  },
  search: ['workflow_name'],
  ordering: ['status'],
  order: '-created_at',
  filters: ['status', 'workflow', 'asset', 'scan_event'],
});

export type WorkflowRow = RowOf<typeof workflowDefinitions>;
export type RunRow = RowOf<typeof workflowRuns>;
