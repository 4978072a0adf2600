/** A resource is one definition: data, no hooks. From it come validation, SQL, routes and the OpenAPI document. */
import { z } from 'zod';
import { answered, type Codec, codecOf, instant, reference } from './fields.ts';
import type { Area } from './roles.ts';

/** Where a reference points. The row must belong to the caller's tenant. */
export interface Ref {
  table: string;
  /** What a fault calls it: `Location not found.` */
  label: string;
  /** Column that holds the identity; `id` unless said. */
  column?: string;
}

export interface Definition<F extends z.ZodRawShape, R extends z.ZodRawShape> {
  /** Singular, as errors and the API document call it: `asset category`. */
  name: string;
  path: string;
  table: string;
  area: Area;
  /** What a client writes. */
  fields: z.ZodObject<F>;
  /** Fields that are never answered nor stored as they came, such as a password. */
  writeOnly?: readonly string[];
  /** What only the service writes; ignored in bodies. */
  readOnly?: z.ZodObject<R>;
  refs?: { [field: string]: Ref };
  /** Reference to the row's own parent: cycles are refused. */
  tree?: string;
  search?: readonly string[];
  /** Fields to order by besides id, created_at and updated_at; never a nullable one. */
  ordering?: readonly string[];
  /** Used when the request names none; `-` for descending. */
  order: string;
  filters?: readonly string[];
}

export interface Column {
  field: string;
  column: string;
  codec: Codec;
}

/** Words that a database keeps for itself; their columns end in an underscore. */
const reserved = ['key', 'schema', 'rows'];

function columnName(field: string, refs: Definition<z.ZodRawShape, z.ZodRawShape>['refs']): string {
  if (field === 'tenant' || refs?.[field]) return `${field}_id`;
  return reserved.includes(field) ? `${field}_` : field;
}

/** The column of a field that the resource has. */
export const columnOf = (resource: AnyResource, field: string): string =>
  resource.columns.find((known) => known.field === field)!.column;

const systemShape = {
  id: reference(),
  tenant: reference(),
  created_at: instant(),
  updated_at: instant(),
};

export interface Resource<F extends z.ZodRawShape = z.ZodRawShape, R extends z.ZodRawShape = z.ZodRawShape>
  extends Definition<F, R> {
  /** Its name in the change log: `asset_category`. */
  entity: string;
  columns: readonly Column[];
  /** `id, tenant_id, …` of every answered column. */
  selection: string;
  read: z.ZodObject;
  orderable: readonly string[];
}

export type Fields<Res> = Res extends Resource<infer F, z.ZodRawShape> ? z.output<z.ZodObject<F>> : never;
export type RowOf<Res> =
  Res extends Resource<infer F, infer R>
    ? { id: number; tenant: number; created_at: string; updated_at: string } & (keyof F extends never
        ? unknown
        : z.output<z.ZodObject<F>>) &
        (keyof R extends never ? unknown : z.output<z.ZodObject<R>>)
    : never;
// biome-ignore lint/suspicious/noExplicitAny: any resource, whatever its shape.
export type AnyResource = Resource<any, any>;

export function defineResource<F extends z.ZodRawShape, R extends z.ZodRawShape = Record<never, never>>(
  definition: Definition<F, R>,
): Resource<F, R> {
  const shape: z.ZodRawShape = { ...systemShape, ...definition.fields.shape, ...definition.readOnly?.shape };
  const stored = Object.entries(shape).filter(([field]) => !definition.writeOnly?.includes(field));
  const columns = stored.map(([field, schema]) => ({
    field,
    column: columnName(field, definition.refs),
    codec: codecOf(schema as z.ZodType),
  }));
  const read = stored.map(([field, schema]) => [field, answered(schema as z.ZodType)]);
  return {
    ...definition,
    entity: definition.name.replaceAll(' ', '_'),
    columns,
    selection: columns.map(({ column }) => column).join(', '),
    read: z.object(Object.fromEntries(read)),
    orderable: ['id', 'created_at', 'updated_at', ...(definition.ordering ?? [])],
  };
}

/** Keys that were sent: `partial()` alone would still fill in every default. */
export function patchOf(fields: z.ZodObject, body: unknown): z.ZodObject {
  const sent = typeof body === 'object' && body !== null ? Object.keys(body) : [];
  const mask = Object.fromEntries(
    Object.keys(fields.shape)
      .filter((key) => sent.includes(key))
      .map((key) => [key, true]),
  );
  return fields.pick(mask as never) as z.ZodObject;
}
