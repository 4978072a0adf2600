/** What each action does, through the services that the API uses, in the transaction of the run. */
import { Conflict, Invalid } from '../../base/errors.ts';
import { type TenantContext, timestamp } from '../../db/context.ts';
import * as assets from '../assets/service.ts';
import * as history from '../history/service.ts';
import * as locations from '../locations/service.ts';
import * as maintenance from '../maintenance/service.ts';
import * as outbox from '../outbox/service.ts';
import * as printers from '../printers/service.ts';
import { follow, isRooted, lookUp, type Scope } from './scope.ts';
import type { ActionName } from './steps.ts';

export interface Stage {
  ctx: TenantContext;
  /** Steps see what those before them did: it is kept as it goes. */
  scope: Scope;
  run: number;
}

/** A step whose values are filled in and checked. */
export type Step = Record<string, unknown>;
/** What it did, for the run's output: ids of what it made. */
type Done = Record<string, unknown>;

interface Action {
  /** Follows "Would" in a preview. */
  about: string;
  perform(stage: Stage, step: Step): Promise<Done>;
}

const setStatus: Action = {
  about: 'update asset status',
  perform: (stage, { status }) => change(stage, { status }),
};

const writeHistory = (about: string): Action => ({
  about,
  async perform(stage, { event_type = 'update', previous_state = {}, new_state = {} }) {
    const { id } = assetOf(stage);
    history.append(stage.ctx, { asset: id, event_type, previous_state, new_state } as history.Happening);
    return { asset_id: id };
  },
});

export const performers: Record<ActionName, Action> = {
  create_asset: { about: 'create asset', perform: createAsset },
  update_asset_status: setStatus,
  set_asset_status: setStatus,
  update_asset_custom_fields: {
    about: 'update asset custom fields',
    perform: (stage, { fields }) =>
      change(stage, { custom_fields: { ...assetOf(stage).custom_fields, ...(fields as object) } }),
  },
  dispatch_webhook: { about: 'dispatch webhook', perform: dispatch },
  create_audit_log: writeHistory('create audit log'),
  create_history: writeHistory('create history record'),
  validate_required_fields: { about: 'validate required fields', perform: requireFields },
  set_output: {
    about: 'set output',
    async perform({ scope }, { key, value }) {
      scope.output = { ...scope.output, [key as string]: value };
      return { key };
    },
  },
  print_label: {
    about: 'print label',
    async perform(stage, { printer, template }) {
      const asset = assetOf(stage);
      const named = { printer, template } as Pick<printers.LabelRequest, 'printer' | 'template'>;
      const { id } = await printers.printLabel(stage.ctx, { asset, ...named });
      return { asset_id: asset.id, print_job_id: id };
    },
  },
  move_asset: { about: 'move asset', perform: move },
  create_maintenance_record: { about: 'create maintenance record', perform: planMaintenance },
};

/** The run's asset; Conflict when it has none. */
function assetOf({ scope }: Stage): assets.AssetRow {
  if (scope.asset) return scope.asset;
  throw new Conflict('This run has no asset. Give it one, or let create_asset come before.');
}

async function change(stage: Stage, body: object): Promise<Done> {
  const { id } = assetOf(stage);
  stage.scope.asset = await assets.served.change(stage.ctx, id, body);
  return { asset_id: id };
}

/** In a run that has no asset, the new one is the asset of the steps that follow. */
async function createAsset({ ctx, scope }: Stage, { action, ...body }: Step): Promise<Done> {
  const asset = await assets.served.create(ctx, body);
  scope.asset ??= asset;
  return { asset_id: asset.id };
}

async function move(stage: Stage, { location }: Step): Promise<Done> {
  const { id } = assetOf(stage);
  const current_location = await locationOf(stage.ctx, location as number | string);
  stage.scope.asset = await assets.move(stage.ctx, id, { current_location });
  return { asset_id: id, location_id: current_location };
}

async function locationOf(ctx: TenantContext, wanted: number | string): Promise<number> {
  // Whether there is such an id is asked by the move.
  if (typeof wanted === 'number') return wanted;
  const named = await locations.named(ctx, wanted.trim());
  if (named.length === 1) return named[0]!.id;
  if (named.length > 1)
    throw new Invalid({ location: [`Several locations are named "${wanted}". Give the code of one.`] });
  throw new Invalid({ location: [`There is no location with the code or name "${wanted}".`] });
}

/** Due at once unless it says when. */
async function planMaintenance(stage: Stage, { scheduled_at, notes }: Step): Promise<Done> {
  const { ctx } = stage;
  const body = { asset: assetOf(stage).id, scheduled_at: scheduled_at ?? timestamp(ctx), notes: notes ?? '' };
  const { id } = await maintenance.servedMaintenance.create(ctx, body);
  return { maintenance_record_id: id };
}

/** To the endpoint that is named, else to all that listen to the event. */
async function dispatch({ ctx, scope, run }: Stage, { event, endpoint, payload = {} }: Step): Promise<Done> {
  const name = (event as string).trim();
  const about = scope.asset
    ? { entity: 'asset', entity_id: scope.asset.id }
    : { entity: 'workflow_run', entity_id: run };
  const id =
    endpoint === undefined || endpoint === null ? undefined : await endpointOf(ctx, endpoint as string | number);
  // Its number is the run's: the asset itself may not have changed.
  const change = { entity: 'workflow_run', entity_id: run };
  outbox.append(ctx, { name, ...about, change, data: payload as object, ...(id !== undefined && { endpoint: id }) });
  return { event: name, ...(id !== undefined && { endpoint_id: id }) };
}

async function endpointOf(ctx: TenantContext, wanted: number | string): Promise<number> {
  const column = typeof wanted === 'number' ? 'id' : 'name';
  const sql = `SELECT id FROM webhook_endpoints WHERE tenant_id = ? AND direction = 'outbound' AND ${column} = ?`;
  const rows = await ctx.db.query<{ id: number }>(sql, [ctx.tenant.id, wanted]);
  if (rows.length === 1) return rows[0]!.id;
  const several = `Several outbound endpoints are named "${wanted}". Give the id of one.`;
  const none = `There is no outbound endpoint with this ${column}: ${wanted}.`;
  throw new Invalid({ endpoint: [rows.length > 1 ? several : none] });
}

/** `source` is a path; without it a field is looked for in the asset, then in its custom fields. Either may begin with a root. */
async function requireFields({ scope }: Stage, { fields, source }: Step): Promise<Done> {
  const wanted = fields as string[];
  const missing = wanted.filter((field) => isEmpty(fieldOf(scope, field, source as string | null | undefined)));
  if (missing.length > 0) throw new Invalid({ fields: [`Missing: ${missing.join(', ')}.`] });
  return { fields: wanted };
}

function fieldOf(scope: Scope, field: string, source: string | null | undefined): unknown {
  if (source)
    return follow(isRooted(source) ? lookUp(scope, source) : follow(scope.asset, source.split('.')), field.split('.'));
  if (isRooted(field)) return lookUp(scope, field);
  const parts = field.split('.');
  return follow(scope.asset, parts) ?? follow(scope.asset?.custom_fields, parts);
}

const isEmpty = (value: unknown): boolean =>
  value === undefined || value === null || value === '' || (Array.isArray(value) && value.length === 0);
