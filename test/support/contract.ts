/** Holds every answer of a suite against docs/openapi.json: path, status, media type and schema. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { packageRoot } from '../../src/base/paths.ts';

interface Media {
  schema?: object;
}
interface Answer {
  $ref?: string;
  content?: Record<string, Media>;
}
interface Document {
  paths: Record<string, Record<string, { responses: Record<string, Answer> }>>;
  components: { responses: Record<string, Answer> };
}

const document: Document = JSON.parse(readFileSync(join(packageRoot, 'docs/openapi.json'), 'utf8'));
const ajv = new Ajv2020({ strict: false, allErrors: true });
formats.default(ajv);
ajv.addSchema({ ...document, $id: 'openapi' });

const patterns = Object.keys(document.paths)
  .sort((one, two) => Number(one.includes('{')) - Number(two.includes('{')))
  .map((path) => ({ path, pattern: new RegExp(`^${path.replace(/\/$/, '').replace(/\{\w+\}/g, '[^/]+')}/?$`) }));
const compiled = new Map<string, ValidateFunction>();

/** Why the answer breaks the document, or null. Methods and paths that are not in it are a 404 or 405. */
export function breach(method: string, url: string, status: number, type: string, body: unknown): string | null {
  const path = patterns.find(({ pattern }) => pattern.test(url.split('?')[0]!))?.path;
  const operation = path && document.paths[path]![method.toLowerCase()];
  if (!path || !operation) return [404, 405].includes(status) ? null : `${method} ${url} is not in the document`;
  const listed = operation.responses[status];
  if (!listed) return `${method} ${path} answers ${status}, which the document does not list`;
  const answer = listed.$ref ? document.components.responses[listed.$ref.split('/').at(-1)!]! : listed;
  if (!answer.content) return body === undefined ? null : `${method} ${path} ${status} should be empty`;
  const media = Object.keys(answer.content).find((known) => type.startsWith(known));
  if (!media) return `${method} ${path} ${status} has type ${type}`;
  if (media !== 'application/json') return null;
  return faults(path, method, status, answer.content[media]!.schema!, body);
}

function faults(path: string, method: string, status: number, schema: object, body: unknown): string | null {
  const key = `${method} ${path} ${status}`;
  const validate = compiled.get(key) ?? ajv.compile(rooted(schema));
  compiled.set(key, validate);
  if (validate(body)) return null;
  return `${key}: ${ajv.errorsText(validate.errors)} in ${JSON.stringify(body).slice(0, 400)}`;
}

/** `#/components/…` names a place in the document, not in the schema that refers to it. */
const rooted = (schema: object): object =>
  JSON.parse(JSON.stringify(schema).replaceAll('"#/components/', '"openapi#/components/'));
