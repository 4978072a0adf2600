/** Operations of a resource: what http mounts, what the API document lists, and the one guarded door to every change. */
import type { z } from 'zod';
import { Forbidden, NotFound } from '../base/errors.ts';
import { type Context, inShared, inTransaction, type TenantContext } from '../db/context.ts';
import { type AnyResource, type Fields, patchOf, type RowOf } from './define.ts';
import { checkMatch } from './etag.ts';
import { list, type Page, parseListQuery, type QueryText } from './pages.ts';
import { parse } from './parse.ts';
import { checkReferences, checkTree } from './references.ts';
import { type Action, type Area, may } from './roles.ts';
import * as store from './store.ts';

export interface Input {
  /** Path parameters as text; `:id` and any other. */
  params: Record<string, string>;
  query: QueryText;
  /** Parsed JSON, or the bytes of an image. */
  body: unknown;
  ifMatch?: string | undefined;
}

export interface Operation {
  /** `assets.check-out`; unique. */
  id: string;
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Below /api/v1, without the trailing slash: `assets/:id/check-out`. */
  path: string;
  /** Path of the resource it belongs to: the document's tag. */
  tag: string;
  summary: string;
  area: Area;
  action: Action;
  /** Whether a call with this body changes nothing, such as a dry run: then whoever may view may call it. */
  reads?: (body: unknown) => boolean;
  /** How the result is answered: a page, one row (with ETag), any JSON value, nothing, or a file. */
  kind: 'page' | 'row' | 'value' | 'empty' | 'file';
  status: number;
  /** A second status of success, by what it means. */
  alsoAnswers?: { status: number; about: string };
  query?: z.ZodObject;
  body?: z.ZodType;
  /** `image`: PNG or JPEG bytes. JSON unless said. */
  bodyKind?: 'json' | 'image';
  /** Bytes; 1 MiB unless said. */
  bodyLimit?: number;
  answer?: z.ZodType;
  /** Media types of a file, besides JSON when there is an `answer`. */
  fileTypes?: readonly string[];
  /** The resource a page is of: filters, search and CSV columns. */
  resource?: AnyResource;
  run(ctx: Context, input: Input): Promise<unknown>;
}

/** A file as an operation answers it. */
export interface FileAnswer {
  type: string;
  name: string;
  body: string | Buffer | NodeJS.ReadableStream;
}

/** A file that lies on disk: it may be fetched in parts. */
export interface StoredFile extends Pick<FileAnswer, 'type' | 'name'> {
  /** Bytes. */
  size: number;
  /** Another one for other bytes. */
  tag: string;
  /** From the first byte to the last, both counted from 0. */
  open(first: number, last: number): NodeJS.ReadableStream;
}

/** An answer whose status is not the operation's usual one. */
export class Reply {
  readonly status: number;
  readonly body: unknown;
  constructor(status: number, body: unknown) {
    this.status = status;
    this.body = body;
  }
}

export interface Writes<R extends AnyResource> {
  /** They take long: none of them shares its transaction with others that wait. */
  long?: boolean;
  create?(ctx: TenantContext, values: Fields<R>): Promise<RowOf<R>>;
  update?(ctx: TenantContext, row: RowOf<R>, changes: Partial<Fields<R>>): Promise<RowOf<R>>;
  remove?(ctx: TenantContext, row: RowOf<R>): Promise<void>;
}

type Verb = 'list' | 'get' | 'create' | 'update' | 'remove';
const everyVerb: readonly Verb[] = ['list', 'get', 'create', 'update', 'remove'];

export interface Served<R extends AnyResource> {
  resource: R;
  operations: Operation[];
  list(ctx: Context, query?: QueryText): Promise<Page<RowOf<R>>>;
  get(ctx: Context, id: number): Promise<RowOf<R>>;
  create(ctx: Context, body: unknown): Promise<RowOf<R>>;
  /** PATCH: only the keys that were sent. */
  change(ctx: Context, id: number, body: unknown, ifMatch?: string): Promise<RowOf<R>>;
  /** PUT: the whole row; what is missing takes its default. */
  replace(ctx: Context, id: number, body: unknown, ifMatch?: string): Promise<RowOf<R>>;
  remove(ctx: Context, id: number, ifMatch?: string): Promise<void>;
}

/**
 * The door: a tenant, a role that may, and for a change one transaction. Everything that changes a row passes here.
 * Short changes that come together share the transaction (group commit); accounts hash passwords in theirs.
 */
export async function guarded<T>(
  ctx: Context,
  area: Area,
  action: Action,
  work: (ctx: TenantContext) => Promise<T>,
  { long = area === 'accounts' }: { long?: boolean | undefined } = {},
): Promise<T> {
  if (!ctx.tenant || !may(ctx.actor, area, action)) throw new Forbidden();
  const inside = ctx as TenantContext;
  if (action === 'view' || action === 'verify') return work(inside);
  return long ? inTransaction(inside, work) : inShared(inside, work);
}

/** A resource behind the door, with its own writes where it has rules beyond fields and references. */
export function serve<R extends AnyResource>(resource: R, writes: Writes<R> = {}, verbs = everyVerb): Served<R> {
  const { area } = resource;
  const { long } = writes;
  const door = <T>(ctx: Context, action: Action, work: (inside: TenantContext) => Promise<T>) =>
    guarded(ctx, area, action, work, long === undefined ? {} : { long });
  const change = (ctx: Context, id: number, ifMatch: string | undefined, parsed: () => unknown) =>
    door(ctx, 'change', async (inside) => {
      const row = await store.get(inside, resource, id, true);
      checkMatch(row, ifMatch);
      const changes = parsed() as Partial<Fields<R>>;
      await checkReferences(inside, resource, changes);
      await checkTree(inside, resource, id, changes);
      return writes.update
        ? writes.update(inside, row, changes)
        : store.update(inside, resource, row, changes as never);
    });
  const served: Served<R> = {
    resource,
    operations: [],
    list: (ctx, query = {}) =>
      door(ctx, 'view', async (inside) => list(inside, resource, parseListQuery(resource, query))),
    get: (ctx, id) => door(ctx, 'view', (inside) => store.get(inside, resource, id)),
    create: (ctx, body) =>
      door(ctx, 'create', async (inside) => {
        const values = parse(resource.fields, body) as Fields<R>;
        await checkReferences(inside, resource, values);
        return writes.create ? writes.create(inside, values) : store.insert(inside, resource, values as never);
      }),
    change: (ctx, id, body, ifMatch) => change(ctx, id, ifMatch, () => parse(patchOf(resource.fields, body), body)),
    replace: (ctx, id, body, ifMatch) => change(ctx, id, ifMatch, () => parse(resource.fields, body)),
    remove: (ctx, id, ifMatch) =>
      door(ctx, 'delete', async (inside) => {
        const row = await store.get(inside, resource, id, true);
        checkMatch(row, ifMatch);
        await (writes.remove ? writes.remove(inside, row) : store.remove(inside, resource, id));
      }),
  };
  served.operations.push(...crud(served, verbs));
  return served;
}

function crud<R extends AnyResource>(served: Served<R>, verbs: readonly Verb[]): Operation[] {
  const { resource } = served;
  const { path, name, area, read, fields } = resource;
  const base = { tag: path, area, answer: read, resource };
  const one = `${path}/:id`;
  const all: Record<Verb, Operation[]> = {
    list: [
      {
        ...base,
        id: `${path}.list`,
        method: 'GET',
        path,
        summary: `List: ${name}`,
        action: 'view',
        kind: 'page',
        status: 200,
        run: (ctx, input) => served.list(ctx, input.query),
      },
    ],
    create: [
      {
        ...base,
        id: `${path}.create`,
        method: 'POST',
        path,
        summary: `Create: ${name}`,
        action: 'create',
        kind: 'row',
        status: 201,
        body: fields,
        run: (ctx, input) => served.create(ctx, input.body),
      },
    ],
    get: [
      {
        ...base,
        id: `${path}.get`,
        method: 'GET',
        path: one,
        summary: `Read: ${name}`,
        action: 'view',
        kind: 'row',
        status: 200,
        run: (ctx, input) => served.get(ctx, idOf(input)),
      },
    ],
    update: [
      {
        ...base,
        id: `${path}.replace`,
        method: 'PUT',
        path: one,
        summary: `Replace: ${name}`,
        action: 'change',
        kind: 'row',
        status: 200,
        body: fields,
        run: (ctx, input) => served.replace(ctx, idOf(input), input.body, input.ifMatch),
      },
      {
        ...base,
        id: `${path}.change`,
        method: 'PATCH',
        path: one,
        summary: `Change: ${name}`,
        action: 'change',
        kind: 'row',
        status: 200,
        body: fields.partial(),
        run: (ctx, input) => served.change(ctx, idOf(input), input.body, input.ifMatch),
      },
    ],
    remove: [
      {
        ...base,
        id: `${path}.remove`,
        method: 'DELETE',
        path: one,
        summary: `Delete: ${name}`,
        action: 'delete',
        kind: 'empty',
        status: 204,
        run: (ctx, input) => served.remove(ctx, idOf(input), input.ifMatch),
      },
    ],
  };
  return verbs.flatMap((verb) => all[verb]);
}

/** The row identity in the path; NotFound for anything that cannot be one. */
export function idOf(input: Input, name = 'id'): number {
  const text = input.params[name] ?? '';
  if (!/^\d{1,15}$/.test(text)) throw new NotFound();
  return Number(text);
}
