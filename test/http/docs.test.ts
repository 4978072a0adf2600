import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { version } from '../../src/http/docs.ts';
import { openApiDocument } from '../../src/http/openapi/document.ts';
import { type TestApp, testApp } from '../support/app.ts';

let app: TestApp;
beforeAll(async () => {
  app = await testApp('sqlite');
});
afterAll(() => app.close());
const get = (path: string, accept?: string) =>
  fetch(app.url + path, { headers: accept === undefined ? {} : { Accept: accept } });

describe('the schema', () => {
  const made = JSON.parse(JSON.stringify(openApiDocument(version)));

  it.each([
    ['/api/schema/', undefined],
    ['/api/schema/', 'application/yaml'],
    ['/api/schema/?format=yaml', 'application/json'],
  ])('%s with Accept %s is YAML', async (path, accept) => {
    const answer = await get(path, accept);
    expect(answer.headers.get('Content-Type')).toBe('application/vnd.oai.openapi');
    const text = await answer.text();
    expect(text.startsWith('openapi: 3.1')).toBe(true);
    expect(parse(text, { maxAliasCount: 0 })).toEqual(made);
  });

  it.each([
    ['/api/schema/', 'application/json'],
    ['/api/schema/?format=json', undefined],
    ['/api/schema/', 'application/vnd.oai.openapi+json'],
  ])('%s with Accept %s is JSON', async (path, accept) => {
    const answer = await get(path, accept);
    expect(answer.headers.get('Content-Type')).toBe('application/vnd.oai.openapi+json');
    expect(await answer.json()).toEqual(made);
  });
});

describe.each(['swagger', 'redoc'])('the page %s', (name) => {
  it('loads everything it names from here, and nothing from elsewhere', async () => {
    const page = await get(`/api/docs/${name}/`);
    expect([page.status, page.headers.get('Content-Type')]).toEqual([200, expect.stringMatching(/^text\/html/)]);
    const html = await page.text();
    const named = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map((match) => match[1]!);
    expect(named.length).toBeGreaterThan(1);
    for (const link of named.filter((link) => !link.startsWith('data:'))) {
      expect(link).toMatch(/^\/api\//);
      const file = await get(link);
      expect([link, file.status]).toEqual([link, 200]);
      const text = await file.text();
      expect(text.length).toBeGreaterThan(50);
      if (link.endsWith('.css')) expect(text).not.toMatch(/url\(\s*["']?(https?:)?\/\//);
      if (!link.includes('/assets/')) expect(text).not.toMatch(/https?:\/\//);
    }
    expect(html).not.toMatch(/https?:\/\//);
  });

  it('forbids the browser to go elsewhere', async () => {
    const policy = (await get(`/api/docs/${name}/`)).headers.get('Content-Security-Policy')!;
    expect(policy).toContain("default-src 'self'");
    expect(policy).not.toMatch(/https?:|\*/);
  });

  it('reads the schema of this site', async () => {
    const script = await (await get(`/api/docs/${name}.js`)).text();
    const url = /'(\/api\/schema\/[^']*)'/.exec(script)![1]!;
    expect(await (await get(url)).json()).toHaveProperty('openapi');
  });
});

it('says of every part what it is for', () => {
  const { tags } = openApiDocument('0.0.0') as { tags: { name: string; description: string }[] };
  expect(tags.filter(({ name, description }) => description === name)).toEqual([]);
});

it('serves no other file of the packages', async () => {
  for (const name of ['package.json', '..%2Fpackage.json', '%2e%2e%2fpackage.json', 'constructor', '__proto__'])
    expect([name, (await get(`/api/docs/assets/${name}`)).status]).toEqual([name, 404]);
});
