/** Parts that every operation refers to. */
import type { Operation } from '../../resource/serve.ts';
import { type Json, jsonContent } from './schemas.ts';

export const tenantHeader: Json = { $ref: '#/components/parameters/Tenant' };

const detail: Json = { type: 'object', required: ['detail'], properties: { detail: { type: 'string' } } };
const fields: Json = {
  type: 'object',
  description: 'Messages by field, nested as the body is; `non_field_errors` for the whole; or one `detail`.',
  additionalProperties: true,
  example: { asset: ['Asset not found.'] },
};

const error = (description: string, schema: Json, headers?: Json): Json => ({
  description,
  ...(headers && { headers }),
  content: jsonContent(schema),
});
const retryAfter = { 'Retry-After': { schema: { type: 'integer' }, description: 'Seconds to wait' } };

export const sharedComponents = {
  securitySchemes: {
    bearer: { type: 'http', scheme: 'bearer', description: 'A JWT of auth/token/, or an API token (`ast_…`)' },
  },
  parameters: {
    Tenant: {
      name: 'X-Tenant-ID',
      in: 'header',
      required: true,
      description: 'Id or slug of the tenant',
      schema: { type: 'string' },
    },
    IfMatch: {
      name: 'If-Match',
      in: 'header',
      description: 'ETag of the row as last read; another version is a 412',
      schema: { type: 'string' },
    },
    IdempotencyKey: {
      name: 'Idempotency-Key',
      in: 'header',
      description: 'The same key with the same request gives the first answer again',
      schema: { type: 'string', maxLength: 255 },
    },
  },
  headers: { ETag: { description: 'Version of the row, for If-Match', schema: { type: 'string' } } },
  responses: {
    Invalid: error('The request is faulty', fields),
    Unauthenticated: error('No valid token', detail),
    Forbidden: error('No member, wrong role, or a row of another tenant', detail),
    NotFound: error('Unknown', detail),
    Conflict: error('In conflict with what is stored', detail),
    PreconditionFailed: error('The row is another version than If-Match names', detail),
    TooLarge: error('The body is too large', detail),
    Unsupported: error('The body is of a kind that is not read here', detail),
    NoSuchRange: error('The file has no bytes in this Range', detail),
    TooMany: error('Too many; Retry-After says when to try again', detail, retryAfter),
    Unavailable: error('The database cannot serve now', detail, retryAfter),
  },
};

const ref = (name: keyof typeof sharedComponents.responses): Json => ({ $ref: `#/components/responses/${name}` });

export function errorResponses(operation: Pick<Operation, 'method' | 'path' | 'kind' | 'body' | 'bodyKind'>): Json {
  const hasBody = operation.body !== undefined || operation.bodyKind !== undefined;
  const changes = operation.method !== 'GET';
  const addressed = operation.path.includes(':') || operation.path.startsWith('lookups/') || operation.kind === 'page';
  return {
    400: ref('Invalid'),
    401: ref('Unauthenticated'),
    403: ref('Forbidden'),
    ...(addressed && { 404: ref('NotFound') }),
    // A file may not be there yet.
    ...((changes || operation.kind === 'file') && { 409: ref('Conflict') }),
    ...(changes && operation.method !== 'POST' && { 412: ref('PreconditionFailed') }),
    ...(hasBody && { 413: ref('TooLarge'), 415: ref('Unsupported') }),
    503: ref('Unavailable'),
  };
}
