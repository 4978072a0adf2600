/** Every command, in the order of the help, with the file that does its work. */
import type { Registered } from './command.ts';
import * as accounts from './definitions/accounts.ts';
import * as audit from './definitions/audit.ts';
import * as devices from './definitions/devices.ts';
import * as kiosk from './definitions/kiosk.ts';
import * as labels from './definitions/labels.ts';
import * as lists from './definitions/lists.ts';
import * as printers from './definitions/printers.ts';
import * as site from './definitions/site.ts';
import * as stocktake from './definitions/stocktake.ts';
import * as sync from './definitions/sync.ts';
import * as webhooks from './definitions/webhooks.ts';

export interface Section {
  title: string;
  commands: Registered[];
}

export const sections: Section[] = [
  {
    title: 'Run a site:',
    commands: [
      { definition: site.init, load: () => import('./init.ts') },
      { definition: site.serve, load: () => import('./serve.ts') },
      { definition: site.work, load: () => import('./work.ts') },
      { definition: site.migrate, load: () => import('./migrate.ts') },
      { definition: site.backup, load: () => import('./backup/create.ts') },
      { definition: site.restore, load: () => import('./backup/restore.ts') },
      { definition: site.doctor, load: () => import('./doctor.ts') },
      { definition: site.demo, load: () => import('./demo/run.ts') },
      { definition: site.configShow, load: () => import('./config/show.ts') },
      { definition: site.configCheck, load: () => import('./config/check.ts') },
    ],
  },
  {
    title: 'Who may do what:',
    commands: [
      { definition: accounts.tenantAdd, load: () => import('./tenant/add.ts') },
      { definition: accounts.tenantList, load: () => import('./tenant/list.ts') },
      { definition: accounts.tenantDisable, load: () => import('./tenant/disable.ts') },
      { definition: accounts.userAdd, load: () => import('./user/add.ts') },
      { definition: accounts.userList, load: () => import('./user/list.ts') },
      { definition: accounts.userPasswd, load: () => import('./user/passwd.ts') },
      { definition: accounts.userRole, load: () => import('./user/role.ts') },
      { definition: accounts.userDisable, load: () => import('./user/disable.ts') },
      { definition: accounts.tokenAdd, load: () => import('./token/add.ts') },
      { definition: accounts.tokenList, load: () => import('./token/list.ts') },
      { definition: accounts.tokenRevoke, load: () => import('./token/revoke.ts') },
    ],
  },
  {
    title: 'Labels, printers and scanners:',
    commands: [
      { definition: labels.batchCreate, load: () => import('./batch/create.ts') },
      { definition: labels.batchList, load: () => import('./batch/list.ts') },
      { definition: labels.batchPrint, load: () => import('./batch/print.ts') },
      { definition: printers.printerList, load: () => import('./printer/list.ts') },
      { definition: printers.printerAdd, load: () => import('./printer/add.ts') },
      { definition: printers.printerRemove, load: () => import('./printer/remove.ts') },
      { definition: printers.printerStatus, load: () => import('./printer/status.ts') },
      { definition: printers.printerTest, load: () => import('./printer/test.ts') },
      { definition: printers.printerResume, load: () => import('./printer/resume.ts') },
      { definition: printers.printerCancel, load: () => import('./printer/cancel.ts') },
      { definition: printers.templateList, load: () => import('./template/list.ts') },
      { definition: printers.templateShow, load: () => import('./template/show.ts') },
      { definition: printers.templateCheck, load: () => import('./template/check.ts') },
      { definition: printers.templatePreview, load: () => import('./template/preview.ts') },
      { definition: devices.devicesList, load: () => import('./devices/list.ts') },
      { definition: devices.devicesAdd, load: () => import('./devices/add.ts') },
      { definition: devices.devicesRemove, load: () => import('./devices/remove.ts') },
      { definition: devices.devicesWatch, load: () => import('./devices/watch.ts') },
      { definition: devices.devicesTest, load: () => import('./devices/test.ts') },
      { definition: devices.devicesRun, load: () => import('./devices/run.ts') },
      { definition: kiosk.pair, load: () => import('./kiosk/pair.ts') },
      { definition: kiosk.codes, load: () => import('./kiosk/codes.ts') },
    ],
  },
  {
    title: 'Stock-take:',
    commands: [
      { definition: stocktake.open, load: () => import('./stocktake/open.ts') },
      { definition: stocktake.count, load: () => import('./stocktake/count.ts') },
      { definition: stocktake.close, load: () => import('./stocktake/close.ts') },
      { definition: stocktake.report, load: () => import('./stocktake/report.ts') },
      { definition: stocktake.reconcile, load: () => import('./stocktake/reconcile.ts') },
      { definition: stocktake.list, load: () => import('./stocktake/list.ts') },
    ],
  },
  {
    title: 'Data out:',
    commands: [{ definition: lists.exportList, load: () => import('./export.ts') }],
  },
  {
    title: 'Webhooks and jobs:',
    commands: [
      { definition: webhooks.webhookTest, load: () => import('./webhook/test.ts') },
      { definition: webhooks.webhookRotate, load: () => import('./webhook/rotate.ts') },
      { definition: webhooks.deadletterList, load: () => import('./deadletter/list.ts') },
      { definition: webhooks.deadletterShow, load: () => import('./deadletter/show.ts') },
      { definition: webhooks.deadletterReplay, load: () => import('./deadletter/replay.ts') },
      { definition: webhooks.deadletterPurge, load: () => import('./deadletter/purge.ts') },
      { definition: printers.simulatePrinter, load: () => import('./simulate/printer.ts') },
      { definition: webhooks.simulateSink, load: () => import('./simulate/sink.ts') },
    ],
  },
  {
    title: 'Offline sync:',
    commands: [
      { definition: sync.conflicts, load: () => import('./sync/conflicts.ts') },
      { definition: sync.quarantine, load: () => import('./sync/quarantine.ts') },
    ],
  },
  {
    title: 'History:',
    commands: [
      { definition: audit.auditVerify, load: () => import('./audit/verify.ts') },
      { definition: audit.auditExport, load: () => import('./audit/export.ts') },
      { definition: audit.auditCheckpoint, load: () => import('./audit/checkpoint.ts') },
    ],
  },
  {
    title: 'Tools:',
    commands: [
      { definition: site.openapi, load: () => import('./openapi.ts') },
      { definition: site.smoke, load: () => import('./smoke/run.ts') },
      { definition: site.postman, load: () => import('./smoke/postman.ts') },
      { definition: devices.simulateScanner, load: () => import('./simulate/scanner.ts') },
      { definition: site.completion, load: () => import('./completion.ts') },
      { definition: site.reference, load: () => import('./reference.ts') },
    ],
  },
];

/** What the first word of two stands for. */
export const groups: Record<string, string> = {
  tenant: 'Tenants: each with its own assets, users and history',
  user: 'Users, their passwords and roles',
  token: 'API tokens of kiosks, device hosts and programs',
  batch: 'Label batches',
  printer: 'Label printers: set up, asked, given work',
  template: 'How labels look',
  devices: 'Scanners of this machine',
  kiosk: 'Screens beside a scanner',
  stocktake: 'Counting what is really there',
  webhook: 'Endpoints that are told what happens',
  deadletter: 'What was given up, to be tried again or forgotten',
  simulate: 'Stand-ins for what a site talks to',
  sync: 'What apps sent and what became of it',
  audit: 'The history and its proof',
  config: 'The settings of a site',
};
