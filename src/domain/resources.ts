/** The table of contents of the API: every operation there is, in one list. */
import type { Operation } from '../resource/serve.ts';
import { accountOperations } from './accounts/service.ts';
import { assetActions } from './assets/actions.ts';
import * as assets from './assets/service.ts';
import { batchOperations } from './batches/service.ts';
import * as categories from './categories/service.ts';
import { deviceOperations } from './devices/service.ts';
import { exportOperations } from './exports/service.ts';
import { formOperations } from './forms/service.ts';
import * as integrations from './integrations/service.ts';
import { liveOperations } from './live/service.ts';
import * as locations from './locations/service.ts';
import { maintenanceOperations } from './maintenance/service.ts';
import { presetOperations } from './presets/service.ts';
import { printerOperations } from './printers/operations.ts';
import { profileOperations } from './profiles/service.ts';
import { codeOperations } from './resolve/operations.ts';
import * as scans from './scans/service.ts';
import { stocktakeOperations } from './stocktake/operations.ts';
import { journalOperations, syncOperation } from './sync/service.ts';
import { templateOperations } from './templates/service.ts';
import { webhookOperations } from './webhooks/service.ts';
import { workflowOperations } from './workflows/service.ts';

const lists: readonly Operation[] = [
  ...accountOperations,
  ...locations.served.operations,
  ...categories.served.operations,
  ...assets.served.operations,
  ...assetActions,
  ...assets.servedCodes.operations,
  ...scans.served.operations,
  ...stocktakeOperations,
  ...deviceOperations,
  ...templateOperations,
  ...batchOperations,
  ...printerOperations,
  ...codeOperations,
  ...maintenanceOperations,
  ...formOperations,
  ...workflowOperations,
  ...webhookOperations,
  ...integrations.integrationOperations,
  ...profileOperations,
  ...presetOperations,
  ...liveOperations,
  syncOperation,
  ...journalOperations,
];

export const operations: readonly Operation[] = [...lists, ...exportOperations(lists)];
