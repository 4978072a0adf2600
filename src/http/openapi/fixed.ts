/** The routes that are no tenant's: logging in, tenants, and what monitoring asks. */
import { z } from 'zod';
import { Login, RefreshBody, SessionContext, TokenPair, tenants } from '../../domain/accounts/service.ts';
import { PairBody, Paired } from '../../domain/kiosk/service.ts';
import { KioskStatus } from '../../domain/kiosk/status.ts';
import { type Json, jsonContent, pageOf, type Schemas } from './schemas.ts';
import { tenantHeader } from './shared.ts';

const Alive = z.object({ status: z.literal('alive') });
const Health = z.object({
  status: z.enum(['healthy', 'degraded', 'unhealthy']),
  timestamp: z.iso.datetime(),
  checks: z.record(
    z.string(),
    z.looseObject({ status: z.enum(['healthy', 'degraded', 'unhealthy']), component: z.string() }),
  ),
});

const invalid = { $ref: '#/components/responses/Invalid' };
const unauthenticated = { $ref: '#/components/responses/Unauthenticated' };
const common = { 503: { $ref: '#/components/responses/Unavailable' } };
const open = { security: [] };

export function fixedPaths(schemas: Schemas): Record<string, Json> {
  const answer = (description: string, schema: Json) => ({ 200: { description, content: jsonContent(schema) } });
  const pair = schemas.answer('TokenPair', TokenPair);
  const tenant = schemas.answer('Tenants', tenants.read);
  const health = jsonContent(schemas.answer('Health', Health));
  const post = (operationId: string, summary: string, body: Json, responses: Json) => ({
    post: {
      operationId,
      tags: ['auth'],
      summary,
      ...open,
      requestBody: { required: true, content: jsonContent(body) },
      responses: {
        ...responses,
        400: invalid,
        429: { $ref: '#/components/responses/TooMany' },
        ...common,
      },
    },
  });
  const signedIn = { ...answer('Tokens', pair), 401: unauthenticated };
  const get = (operationId: string, tag: string, summary: string, responses: Json, more: Json = {}) => ({
    get: { operationId, tags: [tag], summary, ...more, responses },
  });
  const mine = { 400: invalid, 401: unauthenticated, ...common };
  return {
    '/api/v1/auth/token/': post('authToken', 'Log in', schemas.body('Login', Login), signedIn),
    '/api/v1/auth/token/refresh/': post(
      'authTokenRefresh',
      'Exchange a refresh token',
      schemas.body('RefreshBody', RefreshBody),
      signedIn,
    ),
    '/api/v1/kiosk/pair/': post(
      'kioskPair',
      'Exchange the one-time code of a kiosk for its API token',
      schemas.body('PairBody', PairBody),
      {
        ...answer('The token, shown once', schemas.answer('Paired', Paired)),
        409: { $ref: '#/components/responses/Conflict' },
      },
    ),
    '/api/v1/kiosk/status/': get(
      'kioskStatus',
      'site',
      "What the admin part of a kiosk's page shows: scanners, printers, dead letters, version",
      {
        ...answer('How things stand', schemas.answer('KioskStatus', KioskStatus)),
        ...mine,
        403: { $ref: '#/components/responses/Forbidden' },
      },
      { parameters: [tenantHeader] },
    ),
    '/api/v1/tenants/': get('tenantsList', 'tenants', 'List the tenants one may enter', {
      ...answer('A page', pageOf(tenant)),
      ...mine,
      404: { $ref: '#/components/responses/NotFound' },
    }),
    '/api/v1/tenants/{id}/': get(
      'tenantsGet',
      'tenants',
      'Read a tenant one may enter',
      {
        ...answer('The tenant', tenant),
        ...mine,
        403: { $ref: '#/components/responses/Forbidden' },
        404: { $ref: '#/components/responses/NotFound' },
      },
      { parameters: [{ name: 'id', in: 'path', required: true, schema: { type: 'integer' } }] },
    ),
    '/api/v1/auth/context/': get(
      'authContext',
      'auth',
      'Who one is in the tenant',
      {
        ...answer('The caller', schemas.answer('SessionContext', SessionContext)),
        ...mine,
        403: { $ref: '#/components/responses/Forbidden' },
      },
      { parameters: [tenantHeader] },
    ),
    '/api/v1/live-data/stream/': get(
      'liveDataStream',
      'live-data',
      'What live-data answers, as it changes, as server-sent events; Last-Event-ID goes on from there',
      {
        200: { description: 'Events', content: { 'text/event-stream': { schema: { type: 'string' } } } },
        ...mine,
        403: { $ref: '#/components/responses/Forbidden' },
        429: { $ref: '#/components/responses/TooMany' },
      },
      {
        parameters: [
          tenantHeader,
          {
            name: 'Last-Event-ID',
            in: 'header',
            description: 'The `id` of the last event',
            schema: { type: 'string' },
          },
        ],
      },
    ),
    '/alive/': get(
      'alive',
      'site',
      'Whether the program runs',
      answer('It does', schemas.answer('Alive', Alive)),
      open,
    ),
    '/health/': get(
      'health',
      'site',
      'How the parts are',
      {
        200: { description: 'Healthy or degraded', content: health },
        503: { description: 'Unhealthy', content: health },
      },
      open,
    ),
    '/metrics/': get(
      'metrics',
      'site',
      'Prometheus metrics',
      { 200: { description: 'Text', content: { 'text/plain': { schema: { type: 'string' } } } } },
      open,
    ),
  };
}
