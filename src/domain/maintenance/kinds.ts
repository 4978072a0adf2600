/** Maintenance and inspection: how their records differ. Whatever works on a record is told its kind. */
import type { AnyResource } from '../../resource/define.ts';
import type * as forms from '../forms/service.ts';
import type { EventType } from '../history/service.ts';
import { inspectionRecords, maintenanceRecords, type PlanKind } from './resource.ts';

export interface Kind {
  name: PlanKind;
  resource: AnyResource;
  /** When it was done; null while it is open. */
  done: 'performed_at' | 'inspected_at';
  /** What its forms are held against. */
  results: 'result_data' | 'details';
  target: forms.Target;
  event: EventType;
  /** What the history of the asset is told of it, and which of that counts as a new verdict. */
  told: readonly string[];
  verdict: string | null;
  /** One with neither time was made now; without it, it is open and has no date. */
  madeNow: boolean;
  /** What a plan writes into the record that it makes. */
  blank: Record<string, unknown>;
}

/** What both kinds have. */
export interface RecordRow extends Record<string, unknown> {
  id: number;
  asset: number;
  plan: number | null;
  scheduled_at: string | null;
  due_from: string | null;
}

export const kinds: Record<PlanKind, Kind> = {
  maintenance: {
    name: 'maintenance',
    resource: maintenanceRecords,
    done: 'performed_at',
    results: 'result_data',
    target: 'maintenance_record',
    event: 'maintain',
    told: ['plan', 'scheduled_at', 'performed_at', 'notes', 'result_data'],
    verdict: null,
    madeNow: false,
    blank: { notes: '', result_data: {} },
  },
  inspection: {
    name: 'inspection',
    resource: inspectionRecords,
    done: 'inspected_at',
    results: 'details',
    target: 'inspection_record',
    event: 'inspect',
    told: ['plan', 'inspector', 'scheduled_at', 'inspected_at', 'status', 'details'],
    verdict: 'status',
    madeNow: true,
    blank: { inspector: null, status: 'pending', details: {} },
  },
};

export const doneAt = (kind: Kind, record: Record<string, unknown>): string | null =>
  (record[kind.done] ?? null) as string | null;
