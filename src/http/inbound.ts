/** Signed messages from other programs, which have no token: the same path as with one, told apart by the signature. */
import type Router from '@koa/router';
import type { Context as KoaContext } from 'koa';
import { receiveSigned } from '../domain/webhooks/service.ts';
import { readSigned } from './body.ts';
import type { Begin } from './session.ts';

const path = '/api/v1/webhooks/inbound';

/** Must be mounted before the operations: without a signature the request goes on to them. */
export function mountInbound(router: Router, begin: Begin): void {
  router.post(path, async (koa, next) => {
    const context = koa as unknown as KoaContext;
    const signature = context.get('X-Assetra-Signature');
    if (!signature || context.get('Authorization')) return next();
    koa.state.endpoint = `${path}/`;
    const { bytes, body } = await readSigned(context);
    const accepted = await receiveSigned(begin(context), {
      timestamp: context.get('X-Assetra-Timestamp'),
      signature,
      bytes,
      body,
    });
    context.status = 202;
    context.type = 'json';
    context.body = JSON.stringify(accepted);
  });
}
