/** The API document and its two readers, served from installed packages: nothing loads from the internet. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, extname, join } from 'node:path';
import type Router from '@koa/router';
import type { Context } from 'koa';
import { stringify } from 'yaml';
import { NotFound } from '../base/errors.ts';
import { programVersion } from '../base/paths.ts';
import { openApiDocument } from './openapi/document.ts';

const require = createRequire(import.meta.url);
const policy =
  "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; script-src 'self'; " +
  "worker-src 'self' blob:; frame-ancestors 'none'; base-uri 'none'";

/** Files of the readers that may be fetched. */
const assets: Record<string, () => string> = {
  'swagger-ui.css': () => swagger('swagger-ui.css'),
  'swagger-ui-bundle.js': () => swagger('swagger-ui-bundle.js'),
  'redoc.standalone.js': () => join(dirname(require.resolve('redoc/package.json')), 'bundles', 'redoc.standalone.js'),
};
const swagger = (file: string) => join(dirname(require.resolve('swagger-ui-dist/package.json')), file);

export const version = programVersion();

export function mountDocs(router: Router): void {
  let document: object | undefined;
  const schema = () => {
    document ??= openApiDocument(version);
    return document;
  };
  router.get('/api/schema', (context) => {
    context.state.endpoint = '/api/schema/';
    if (wantsJson(context as unknown as Context)) {
      context.type = 'application/vnd.oai.openapi+json';
      context.body = JSON.stringify(schema());
      return;
    }
    context.type = 'application/vnd.oai.openapi';
    context.body = stringify(schema(), { aliasDuplicateObjects: false });
  });
  page(router, 'swagger', swaggerPage, swaggerScript);
  page(router, 'redoc', redocPage, redocScript);
  router.get('/api/docs/assets/:file', (context) => {
    context.state.endpoint = '/api/docs/assets/:file';
    const name = context.params.file!;
    if (!Object.hasOwn(assets, name)) throw new NotFound();
    context.type = extname(name);
    context.set('Cache-Control', 'public, max-age=3600');
    context.body = withoutInternet(readFileSync(assets[name]!(), 'utf8'));
  });
}

/** Redoc shows its maker's logo from a CDN; a site without internet would show a broken picture. */
const withoutInternet = (script: string) =>
  script.replaceAll(/https:\/\/cdn\.redoc\.ly\/[\w./-]+/g, 'data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA=');

function page(router: Router, name: string, html: string, script: string): void {
  router.get(`/api/docs/${name}`, (context) => {
    context.state.endpoint = `/api/docs/${name}/`;
    context.set('Content-Security-Policy', policy);
    context.type = 'html';
    context.body = html;
  });
  router.get(`/api/docs/${name}.js`, (context) => {
    context.state.endpoint = `/api/docs/${name}.js`;
    context.type = 'js';
    context.body = script;
  });
}

function wantsJson(context: Context): boolean {
  if (context.query.format) return context.query.format === 'json';
  return context
    .accepts('application/yaml', 'application/vnd.oai.openapi', 'application/json', 'application/vnd.oai.openapi+json')
    .toString()
    .includes('json');
}

const frame = (head: string, body: string) => `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Assetra API</title>${head}</head>
<body style="margin:0">${body}</body>
</html>
`;
const swaggerPage = frame(
  '<link rel="stylesheet" href="/api/docs/assets/swagger-ui.css"><link rel="icon" href="data:,">',
  '<div id="docs"></div><script src="/api/docs/assets/swagger-ui-bundle.js"></script><script src="/api/docs/swagger.js"></script>',
);
const swaggerScript =
  "SwaggerUIBundle({ url: '/api/schema/?format=json', dom_id: '#docs', deepLinking: true, docExpansion: 'none', filter: true, validatorUrl: null, persistAuthorization: true });\n";
const redocPage = frame(
  '<link rel="icon" href="data:,">',
  '<div id="docs"></div><script src="/api/docs/assets/redoc.standalone.js"></script><script src="/api/docs/redoc.js"></script>',
);
const redocScript =
  "Redoc.init('/api/schema/?format=json', { disableSearch: false, hideDownloadButton: false }, document.getElementById('docs'));\n";
