/** Webhooks, in and out: endpoints, what was delivered, and what came in. */
import { type Operation, serve } from '../../resource/serve.ts';
import { served } from './endpoints.ts';
import { Accepted, Inbound, receive } from './inbound.ts';
import { webhookDeliveries } from './resource.ts';

export { served as servedEndpoints } from './endpoints.ts';
export { Accepted, receiveSigned, type Signed } from './inbound.ts';
export { isSignature, secretOf, signatureOf, standardSecret, standardSignatureOf } from './secrets.ts';

export const servedDeliveries = serve(webhookDeliveries, {}, ['list', 'get']);

export const webhookOperations: Operation[] = [
  ...served.operations,
  ...servedDeliveries.operations,
  {
    id: 'webhooks.inbound',
    method: 'POST',
    path: 'webhooks/inbound',
    tag: 'webhooks',
    summary: "Take what another program tells, with a token or signed with the endpoint's secret",
    area: 'webhooks',
    action: 'create',
    kind: 'value',
    status: 202,
    body: Inbound,
    answer: Accepted,
    run: (ctx, input) => receive(ctx, input.body),
  },
];
