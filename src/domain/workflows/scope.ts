/** What a workflow sees while it runs, and how a path such as `asset.custom_fields.colour` is followed in it. */
import * as assets from '../assets/service.ts';
import * as scans from '../scans/service.ts';

export interface Scope {
  asset: assets.AssetRow | null;
  scan_event: scans.ScanRow | null;
  previous_status: string | null;
  new_status: string | null;
  context: Record<string, unknown>;
  /** What the steps so far have said with set_output, and below `steps` what each has done. */
  output: Record<string, unknown>;
  /** When the run began. */
  now: string;
}

const roots = ['asset', 'scan_event', 'previous_status', 'new_status', 'context', 'output', 'now'] as const;

/** Rows have the fields that they have; whatever is deeper is a site's own. */
const fieldsOf: Record<string, ReadonlySet<string>> = {
  asset: new Set(Object.keys(assets.resource.read.shape)),
  scan_event: new Set(Object.keys(scans.served.resource.read.shape)),
};

const partsOf = (path: string): string[] => (path === 'asset_state' ? ['asset', 'status'] : path.split('.'));

/** What is at the path; undefined when nothing is. Own properties alone: `constructor` is no value. */
export const lookUp = (scope: Scope, path: string): unknown => follow(scope, partsOf(path));

/** The same below a value that is not a scope. */
export function follow(from: unknown, parts: readonly string[]): unknown {
  let value = from;
  for (const part of parts) {
    if (typeof value !== 'object' || value === null) return undefined;
    if (Array.isArray(value)) value = /^\d{1,6}$/.test(part) ? value[Number(part)] : undefined;
    else value = Object.hasOwn(value, part) ? (value as Record<string, unknown>)[part] : undefined;
  }
  return value;
}

/** Whether the path begins with something that there is: otherwise it is taken for a field of the asset where that is allowed. */
export const isRooted = (path: string): boolean => roots.includes(partsOf(path)[0] as 'asset');

/** Why a path can never lead to anything, or null: a slip of the pen, and not a value that happens to be missing. */
export function pathFault(path: string): string | null {
  const [root = '', field] = partsOf(path);
  if (!isRooted(path)) return `{{${path}}} names nothing. A path begins with one of: ${roots.join(', ')}.`;
  const known = fieldsOf[root];
  if (!known || field === undefined || known.has(field)) return null;
  return `{{${path}}} names nothing: ${root} has no field "${field}".`;
}

/** Whether a path is about the asset. */
export const isOfAsset = (path: string): boolean => partsOf(path)[0] === 'asset';
