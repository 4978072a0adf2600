/** The table of contents of the API: every operation there is, in one list. */
import type { Operation } from '../resource/serve.ts';
import { accountOperations } from './accounts/service.ts';
import { assetActions } from './assets/actions.ts';
import * as assets from './assets/service.ts';
import { batchOperations } from './batches/service.ts';
import * as categories from './categories/service.ts';
import * as locations from './locations/service.ts';
import { codeOperations } from './resolve/operations.ts';
import * as scans from './scans/service.ts';
import { syncOperation } from './sync/service.ts';
import { templateOperations } from './templates/service.ts';

export const operations: readonly Operation[] = [
  ...accountOperations,
  ...locations.served.operations,
  ...categories.served.operations,
  ...assets.served.operations,
  ...assetActions,
  ...assets.servedCodes.operations,
  ...scans.served.operations,
  ...templateOperations,
  ...batchOperations,
  ...codeOperations,
  syncOperation,
];
