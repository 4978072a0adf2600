/** Workflows: written down, run by hand or by what happens, and what became of their runs. */
import { Invalid } from '../../base/errors.ts';
import type { TenantContext } from '../../db/context.ts';
import { idOf, type Operation, serve } from '../../resource/serve.ts';
import * as store from '../../resource/store.ts';
import { raiseVersion } from '../accounts/service.ts';
import { Execute, Executed, execute, isDryRun } from './execute.ts';
import { type WorkflowRow, workflowDefinitions, workflowRuns } from './resource.ts';
import { scheduleFaults } from './steps.ts';

export { schedules, tellMessage, workflowKinds } from './kinds.ts';

/** Which triggers have workflows is kept with the permissions, and as exactly: most scans start none. */
export const served = serve(workflowDefinitions, {
  async create(ctx, values) {
    checkSchedule(values);
    return known(ctx, store.insert(ctx, workflowDefinitions, values));
  },
  async update(ctx, row, changes) {
    checkSchedule({ ...row, ...changes });
    return known(ctx, store.update(ctx, workflowDefinitions, row, changes));
  },
  remove: (ctx, row) => known(ctx, store.remove(ctx, workflowDefinitions, row.id)),
});
export const servedRuns = serve(workflowRuns, {}, ['list', 'get']);

export const workflowOperations: Operation[] = [
  ...served.operations,
  ...servedRuns.operations,
  {
    id: 'workflow-definitions.execute',
    method: 'POST',
    path: 'workflow-definitions/:id/execute',
    tag: 'workflow-definitions',
    summary: 'Run a workflow, or show with dry_run what it would do',
    area: 'workflows',
    action: 'execute',
    reads: isDryRun,
    kind: 'value',
    status: 200,
    body: Execute,
    answer: Executed,
    run: (ctx, input) => execute(ctx, idOf(input), input.body),
  },
];

async function known<T>(ctx: TenantContext, written: Promise<T>): Promise<T> {
  const result = await written;
  await raiseVersion(ctx);
  return result;
}

function checkSchedule({
  trigger_type,
  entry_conditions,
}: Pick<WorkflowRow, 'trigger_type' | 'entry_conditions'>): void {
  if (trigger_type !== 'on_time') return;
  const faults = scheduleFaults(entry_conditions);
  if (Object.keys(faults).length > 0) throw new Invalid({ entry_conditions: faults });
}
