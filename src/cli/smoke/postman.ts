/** The steps as a Postman collection, format 2.1: https://schema.postman.com/collection/json/v2.1.0/draft-07/docs/index.html */
import type { Run } from '../command.ts';
import { type Step, steps } from './steps.ts';

export const run: Run = async ({ out }) => {
  const document = collection(steps);
  out.result(document, () => JSON.stringify(document, null, 2));
  return undefined;
};

const names = [
  'baseUrl',
  'username',
  'password',
  'tenantId',
  'accessToken',
  'assetId',
  'barcodeValue',
  'webhookEndpointId',
];
const defaults: Record<string, string> = { baseUrl: 'http://127.0.0.1:8000', tenantId: '1', barcodeValue: 'SMOKE-1' };

export const collection = (steps: readonly Step[]): object => ({
  info: {
    name: 'Assetra',
    description:
      'From the log-in to a look-up, in order. Set username, password and tenantId, then run the collection.',
    schema: 'https://schema.getpostman.com/json/collection/v2.1.0/collection.json',
  },
  auth: { type: 'bearer', bearer: [{ key: 'token', value: '{{accessToken}}', type: 'string' }] },
  variable: names.map((key) => ({ key, value: defaults[key] ?? '' })),
  item: steps.map(itemOf),
});

function itemOf(step: Step): object {
  const header = [
    { key: 'X-Tenant-ID', value: '{{tenantId}}' },
    ...(step.body ? [{ key: 'Content-Type', value: 'application/json' }] : []),
  ];
  const raw = step.body && JSON.stringify(step.body, null, 2).replaceAll(/"(\{\{\w+Id\}\})"/g, '$1');
  return {
    name: step.name,
    event: [{ listen: 'test', script: { type: 'text/javascript', exec: testsOf(step) } }],
    request: {
      description: step.about,
      method: step.method,
      header,
      url: `{{baseUrl}}${step.path}`,
      ...(step.body && { body: { mode: 'raw', raw } }),
    },
  };
}

function testsOf({ name, status, expect, keep = {} }: Step): string[] {
  const at = (path: string) => path.split('.').reduce((text, key) => `${text}[${JSON.stringify(key)}]`, 'body');
  const checks = Object.entries(expect).map(([path, wanted]) =>
    wanted === '*'
      ? `  pm.expect(${at(path)}).to.not.be.oneOf([null, undefined]);`
      : `  pm.expect(String(${at(path)})).to.equal(pm.variables.replaceIn(${JSON.stringify(wanted)}));`,
  );
  return [
    `pm.test(${JSON.stringify(name)}, function () {`,
    `  pm.response.to.have.status(${status});`,
    '  const body = pm.response.json();',
    ...checks,
    ...Object.entries(keep).map(([variable, path]) => `  pm.collectionVariables.set('${variable}', ${at(path)});`),
    '});',
  ];
}
