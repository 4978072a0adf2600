/** zod -> JSON Schema, each under one name of the document. */
import { z } from 'zod';

export type Json = { [key: string]: unknown };

export const jsonContent = (schema: Json): Json => ({ 'application/json': { schema } });

/** `asset-categories` -> `AssetCategories`. */
export const nameOf = (path: string): string =>
  path
    .split(/[^a-zA-Z0-9]+/)
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('');

export class Schemas {
  readonly #named = new Map<string, Json>();

  /** A reference to what a client sends. */
  body(name: string, schema: z.ZodType): Json {
    return this.#keep(name, print(schema, 'input'));
  }

  /** A reference to what is answered. */
  answer(name: string, schema: z.ZodType): Json {
    return this.#keep(name, print(schema, 'output'));
  }

  all(): Json {
    return Object.fromEntries([...this.#named].sort(([one], [two]) => (one < two ? -1 : 1)));
  }

  #keep(name: string, schema: Json): Json {
    const known = this.#named.get(name);
    if (known && JSON.stringify(known) !== JSON.stringify(schema)) throw new Error(`Two schemas are named ${name}`);
    this.#named.set(name, schema);
    return { $ref: `#/components/schemas/${name}` };
  }
}

function print(schema: z.ZodType, io: 'input' | 'output'): Json {
  const { $schema: _, ...printed } = z.toJSONSchema(schema, { target: 'draft-2020-12', io, unrepresentable: 'any' });
  return loosen(printed as Json) as Json;
}

/** Unknown keys in a body are ignored and answers may grow, so neither forbids them. */
function loosen(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(loosen);
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(([key, inner]) => !(key === 'additionalProperties' && inner === false));
  return Object.fromEntries(kept.map(([key, inner]) => [key, loosen(inner)]));
}

/** A list's answer. */
export const pageOf = (item: Json): Json => ({
  type: 'object',
  required: ['count', 'next', 'previous', 'results'],
  properties: {
    count: { type: ['integer', 'null'], description: 'All rows that match; null in a cursor walk' },
    next: { type: ['string', 'null'] },
    previous: { type: ['string', 'null'] },
    results: { type: 'array', items: item },
  },
});
