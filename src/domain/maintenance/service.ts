/** Upkeep: maintenance and inspections of assets, and plans that come again. */
import type { Operation } from '../../resource/serve.ts';
import { served as servedPlans } from './plans.ts';
import { recordOperations } from './records.ts';

export { served as servedPlans } from './plans.ts';
export { forget, servedInspections, servedMaintenance } from './records.ts';
export { due, dueSchedule } from './tell.ts';

export const maintenanceOperations: Operation[] = [...recordOperations, ...servedPlans.operations];
