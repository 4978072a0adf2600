/** Path and query parameters of an operation. */
import { z } from 'zod';
import { unwrap } from '../../resource/fields.ts';
import { defaultPageSize, maxPageSize } from '../../resource/pages.ts';
import type { Operation } from '../../resource/serve.ts';
import type { Json } from './schemas.ts';

export function pathParameters({ path }: Operation): Json[] {
  return [...path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: name === 'tag' ? { type: 'string' } : { type: 'integer', minimum: 1 },
  }));
}

/** What an operation reads from the query beside the paging of lists. */
export function queryParameters({ query }: Operation): Json[] {
  return Object.entries(query?.shape ?? {}).map(([name, schema]) => {
    const { $schema: _, ...printed } = z.toJSONSchema(schema as z.ZodType, { io: 'input', unrepresentable: 'any' });
    return { name, in: 'query', required: !(schema as z.ZodType).safeParse(undefined).success, schema: printed };
  });
}

export function listParameters({ resource }: Operation): Json[] {
  const orderings = resource!.orderable.flatMap((field) => [field, `-${field}`]);
  return [
    { name: 'page', in: 'query', schema: { type: 'integer', minimum: 1, default: 1 } },
    {
      name: 'page_size',
      in: 'query',
      schema: { type: 'integer', minimum: 1, maximum: maxPageSize, default: defaultPageSize },
    },
    {
      name: 'cursor',
      in: 'query',
      description: 'Empty starts a walk; then follow `next`',
      allowEmptyValue: true,
      schema: { type: 'string' },
    },
    { name: 'ordering', in: 'query', schema: { type: 'string', enum: orderings, default: resource!.order } },
    {
      name: 'format',
      in: 'query',
      description: '`csv`: the whole list',
      schema: { type: 'string', enum: ['json', 'csv'] },
    },
    ...(resource!.search
      ? [
          {
            name: 'search',
            in: 'query',
            description: `In ${resource!.search.join(', ')}`,
            schema: { type: 'string', maxLength: 200 },
          },
        ]
      : []),
    ...(resource!.filters ?? []).map((field: string) => ({
      name: field,
      in: 'query',
      schema: filterSchema(resource!.read.shape[field] as z.ZodType),
    })),
  ];
}

function filterSchema(schema: z.ZodType): Json {
  const inner = unwrap(schema);
  if (inner instanceof z.ZodNumber) return { type: 'integer' };
  if (inner instanceof z.ZodBoolean) return { type: 'boolean' };
  return inner instanceof z.ZodEnum ? { type: 'string', enum: inner.options } : { type: 'string' };
}
