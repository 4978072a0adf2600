/** The lists that can be exported: every page of the API, found by its path, with its own filters and permission. */
import { Forbidden, Invalid, isRefusal } from '../../base/errors.ts';
import type { Actor, Context } from '../../db/context.ts';
import type { Page, QueryText } from '../../resource/pages.ts';
import { type Area, may, roles } from '../../resource/roles.ts';
import type { Input, Operation } from '../../resource/serve.ts';
import type { Wanted } from './resource.ts';

/** A list of the API, as one request asks for it. */
export interface Listed {
  operation: Operation;
  /** Path below /api/v1/. */
  path: string;
  params: Record<string, string>;
}

/** Exports of exports would be of use to nobody. */
const isOffered = ({ kind, tag }: Operation): boolean => kind === 'page' && tag !== 'exports';

/** Paths of those without a row in them. */
export const plainPaths = (operations: readonly Operation[]): string[] =>
  operations
    .filter((operation) => isOffered(operation) && !operation.path.includes(':'))
    .map(({ path }) => path)
    .sort();

/** Invalid on `resource` when there is none. */
export function listOf(operations: readonly Operation[], resource: string): Listed {
  const path = resource.replace(/^\/+|\/+$/g, '');
  const parts = path.split('/');
  for (const operation of operations.filter(isOffered)) {
    const params = paramsOf(operation.path.split('/'), parts);
    if (params) return { operation, path, params };
  }
  const known = plainPaths(operations).join(', ');
  throw new Invalid({ resource: [`There is no list "${path.slice(0, 60)}". There are: ${known}.`] });
}

function paramsOf(pattern: string[], parts: string[]): Record<string, string> | undefined {
  if (pattern.length !== parts.length) return undefined;
  const params: Record<string, string> = {};
  for (const [index, name] of pattern.entries()) {
    if (name.startsWith(':')) params[name.slice(1)] = parts[index]!;
    else if (name !== parts[index]) return undefined;
  }
  return params;
}

/** Areas whose lists the actor may see. */
export const areasOf = (actor: Actor): Area[] =>
  (Object.keys(roles.admin) as Area[]).filter((area) => may(actor, area, 'view'));

export const inputOf = ({ params }: Listed, { filters, ordering }: Omit<Wanted, 'resource'>): Input => {
  const query: QueryText = Object.fromEntries(Object.entries(filters).map(([key, value]) => [key, String(value)]));
  return { params, query: ordering === '' ? query : { ...query, ordering }, body: undefined };
};

/** What a list's query has that is no filter. */
const notFilters = ['page', 'page_size', 'cursor', 'ordering', 'format', 'tenant', '_'];

/** Forbidden or Invalid unless the list can be had as it is asked for, as a request for its first row would be refused. */
export async function check(ctx: Context, listed: Listed, wanted: Omit<Wanted, 'resource'>): Promise<void> {
  const { operation } = listed;
  if (!may(ctx.actor, operation.area, 'view')) throw new Forbidden();
  checkColumns(operation, wanted.columns);
  const stray = Object.keys(wanted.filters).filter((key) => notFilters.includes(key));
  if (stray.length > 0)
    throw new Invalid({ filters: Object.fromEntries(stray.map((key) => [key, ['This is no filter. Leave it out.']])) });
  const input = inputOf(listed, wanted);
  try {
    await operation.run(ctx, { ...input, query: { ...input.query, cursor: '', page_size: '1' } });
  } catch (error) {
    throw isRefusal(error) ? refusalOf(error) : error;
  }
}

/** The faults of a list's query under the names that they have in the body of an export. */
function refusalOf(error: Error & { fields?: Invalid['fields'] }): Invalid {
  if (!error.fields) return new Invalid({ resource: [error.message] });
  const { ordering, ...filters } = error.fields;
  return new Invalid({ ...(ordering && { ordering }), ...(Object.keys(filters).length > 0 && { filters }) });
}

function checkColumns(operation: Operation, columns: readonly string[]): void {
  const known = fieldsOf(operation);
  const unknown = columns.filter((column) => !known.includes(column));
  if (unknown.length > 0)
    throw new Invalid({ columns: [`Unknown: ${unknown.join(', ').slice(0, 200)}. Known: ${known.join(', ')}.`] });
  if (new Set(columns).size < columns.length) throw new Invalid({ columns: ['Name each column once.'] });
}

export const fieldsOf = ({ resource }: Operation): string[] =>
  resource!.columns.map(({ field }: { field: string }) => field);

/** How many rows it has now. */
export async function countOf(ctx: Context, { operation }: Listed, input: Input): Promise<number> {
  const page = (await operation.run(ctx, { ...input, query: { ...input.query, page_size: '1' } })) as Page;
  return page.count ?? 0;
}
