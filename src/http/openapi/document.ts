/** The OpenAPI 3.1 document, printed from the same operations and schemas that the routes run on. */
import type { z } from 'zod';
import { operations } from '../../domain/resources.ts';
import type { Operation } from '../../resource/serve.ts';
import { fixedPaths } from './fixed.ts';
import { listParameters, pathParameters, queryParameters } from './parameters.ts';
import { type Json, jsonContent, nameOf, pageOf, Schemas } from './schemas.ts';
import { errorResponses, sharedComponents, tenantHeader } from './shared.ts';
import { tagDescriptions } from './tags.ts';
import { webhookObjects } from './webhooks.ts';

/** Deterministic: the same program prints the same bytes. */
export function openApiDocument(version: string): Json {
  const schemas = new Schemas();
  const paths: Record<string, Json> = fixedPaths(schemas);
  for (const operation of operations) {
    const path = `/api/v1/${operation.path.replace(/:(\w+)/g, '{$1}')}/`;
    paths[path] = { ...paths[path], [operation.method.toLowerCase()]: operationObject(operation, schemas) };
  }
  const tags = [...new Set(['auth', 'tenants', ...operations.map(({ tag }) => tag), 'site'])];
  return {
    openapi: '3.1.0',
    info: { title: 'Assetra', version, description: about, license: { name: 'MIT', identifier: 'MIT' } },
    servers: [{ url: '/', description: 'This site' }],
    security: [{ bearer: [] }],
    tags: tags.map((name) => ({ name, description: tagDescriptions[name] ?? name })),
    paths: Object.fromEntries(Object.entries(paths).sort(([one], [two]) => (one < two ? -1 : 1))),
    webhooks: webhookObjects(schemas),
    components: { ...sharedComponents, schemas: schemas.all() },
  };
}

const about =
  'Asset tracking by barcode. Every path takes and leaves its trailing slash. Log in at auth/token/, then send ' +
  '`Authorization: Bearer …` and `X-Tenant-ID` (id or slug) with each request. Lists are pages; an empty `cursor` ' +
  'starts a walk at constant cost. `Idempotency-Key` on POST gives the first answer again; `If-Match` guards a change.';

function operationObject(operation: Operation, schemas: Schemas): Json {
  const parameters = [
    tenantHeader,
    ...pathParameters(operation),
    ...(operation.kind === 'page' ? listParameters(operation) : []),
    ...queryParameters(operation),
    ...conditionals(operation),
  ];
  return {
    operationId: operation.id.replace(/[.-](\w)/g, (_, letter: string) => letter.toUpperCase()),
    tags: [operation.tag],
    summary: operation.summary,
    parameters,
    ...(requestBody(operation, schemas) && { requestBody: requestBody(operation, schemas) }),
    responses: { ...successOf(operation, schemas), ...errorResponses(operation) },
  };
}

function conditionals({ method, kind }: Operation): Json[] {
  if (method === 'POST' && kind !== 'file') return [{ $ref: '#/components/parameters/IdempotencyKey' }];
  if (method === 'PUT' || method === 'PATCH' || method === 'DELETE')
    return [{ $ref: '#/components/parameters/IfMatch' }];
  return [];
}

function requestBody(operation: Operation, schemas: Schemas): Json | undefined {
  if (operation.bodyKind === 'image') return { required: true, content: imageContent };
  if (!operation.body) return undefined;
  return { required: true, content: jsonContent(schemas.body(bodyName(operation), operation.body)) };
}

/** PUT and POST of a resource share one schema; PATCH and actions have their own. */
function bodyName({ id, method, tag, resource, body }: Operation): string {
  if (resource && body === (resource.fields as z.ZodType)) return `${nameOf(resource.path)}Write`;
  return method === 'PATCH' ? `${nameOf(tag)}Patch` : `${nameOf(id)}Body`;
}

const binary = { schema: { type: 'string', contentMediaType: 'application/octet-stream' } };
const imageContent = {
  'image/png': binary,
  'image/jpeg': binary,
  'multipart/form-data': {
    schema: { type: 'object', properties: { image: { type: 'string', contentMediaType: 'image/png' } } },
  },
};

function successOf(operation: Operation, schemas: Schemas): Json {
  if (operation.kind === 'empty') return { [operation.status]: { description: 'Done; no content' } };
  if (operation.kind === 'file') {
    const types = operation.fileTypes ?? ['application/octet-stream'];
    const files = Object.fromEntries(types.map((type) => [type, binary]));
    const asJson = operation.answer && jsonContent(schemas.answer(answerName(operation), operation.answer));
    const { alsoAnswers: part } = operation;
    return {
      [operation.status]: { description: 'The file', content: { ...asJson, ...files } },
      ...(part && { [part.status]: { description: part.about, content: files }, 416: noSuchRange }),
    };
  }
  const answer = schemas.answer(answerName(operation), operation.answer!);
  if (operation.kind === 'page')
    return { 200: { description: 'A page', content: { ...jsonContent(pageOf(answer)), ...csvContent } } };
  const headers = operation.kind === 'row' ? { headers: { ETag: { $ref: '#/components/headers/ETag' } } } : {};
  const success = (description: string) => ({ description, ...headers, content: jsonContent(answer) });
  const { alsoAnswers } = operation;
  return {
    ...(alsoAnswers && { [alsoAnswers.status]: success(alsoAnswers.about) }),
    [operation.status]: success('Done'),
  };
}

function answerName({ id, resource, answer }: Operation): string {
  return resource && answer === resource.read ? nameOf(resource.path) : `${nameOf(id)}Answer`;
}

const noSuchRange: Json = { $ref: '#/components/responses/NoSuchRange' };

const csvContent = { 'text/csv': { schema: { type: 'string' } } };
