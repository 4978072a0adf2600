/** Bodies, read only after the caller is known, and only as far as the operation allows. */
import { readFile, unlink } from 'node:fs/promises';
import type { Context } from 'koa';
import { koaBody } from 'koa-body';
import { Malformed } from '../base/errors.ts';

const jsonLimit = 1024 * 1024;
const imageLimit = 10 * 1024 * 1024;
/** Deeper JSON than any form or setting has; recursion over it could exhaust the stack. */
const maxDepth = 64;

/** The body as JSON; `{}` when there is none. Malformed: 400 broken, 413 too long, 415 of another kind. */
export async function readJson(context: Context, limit = jsonLimit): Promise<unknown> {
  if (!hasBody(context)) return {};
  if (!context.is('json', '+json')) throw new Malformed('Unsupported media type. Send application/json.', 415);
  refuseLongerThan(context, limit);
  await readerOf(limit)(context as never, async () => {}).catch((error: { status?: number }) => {
    // zlib's faults have no status: what the client called compressed is not, or is cut.
    throw error.status ? error : new Malformed('The body could not be read. Was it cut, or not compressed as it says?');
  });
  const body: unknown = context.request.body;
  refuseDeep(body);
  return body;
}

function refuseDeep(body: unknown): void {
  if (isTooDeep(body)) throw new Malformed(`The JSON is nested deeper than ${maxDepth} levels.`);
}

/** The bytes of an image: the body itself, or the one file of a multipart form. */
export async function readImage(context: Context, limit = imageLimit): Promise<Buffer> {
  refuseLongerThan(context, limit);
  if (context.is('multipart/form-data')) return readUpload(context, limit);
  if (!context.is('image/png', 'image/jpeg'))
    throw new Malformed('Unsupported media type. Send image/png, image/jpeg or a form with one file.', 415);
  return bytesOf(context, limit);
}

/** A JSON body with its exact bytes, as they were signed. Malformed when it is packed, too long, too deep or of another kind. */
export async function readSigned(context: Context, limit = jsonLimit): Promise<{ bytes: Buffer; body: unknown }> {
  const packed = !['', 'identity'].includes(context.get('Content-Encoding'));
  if (packed || !context.is('json', '+json'))
    throw new Malformed('Unsupported media type. Send application/json, not packed.', 415);
  refuseLongerThan(context, limit);
  const bytes = await bytesOf(context, limit);
  const body = jsonOf(bytes);
  refuseDeep(body);
  return { bytes, body };
}

function jsonOf(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString());
  } catch {
    throw new Malformed('JSON parse error. Send a valid JSON object.');
  }
}

async function bytesOf(context: Context, limit: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of context.req) {
    length += part.length;
    if (length > limit) throw tooLong(limit);
    parts.push(part);
  }
  return Buffer.concat(parts);
}

async function readUpload(context: Context, limit: number): Promise<Buffer> {
  const reader = koaBody({
    multipart: true,
    json: false,
    urlencoded: false,
    text: false,
    formidable: { maxFiles: 1, maxFileSize: limit, maxTotalFileSize: limit },
  });
  await reader(context as never, async () => {}).catch(() => {
    throw new Malformed(`The form could not be read. Send one file of at most ${limit} bytes.`);
  });
  const files = Object.values(context.request.files ?? {}).flat();
  const [file] = files;
  if (!file) throw new Malformed('The form holds no file. Send one PNG or JPEG file.');
  const bytes = await readFile(file.filepath);
  await unlink(file.filepath);
  return bytes;
}

const readers = new Map<number, ReturnType<typeof koaBody>>();

function readerOf(limit: number): ReturnType<typeof koaBody> {
  const known = readers.get(limit);
  if (known) return known;
  const reader = koaBody({ json: true, jsonLimit: limit, urlencoded: false, text: false, multipart: false });
  readers.set(limit, reader);
  return reader;
}

const hasBody = (context: Context): boolean =>
  context.request.length !== undefined ? context.request.length > 0 : context.get('Transfer-Encoding') !== '';

function refuseLongerThan(context: Context, limit: number): void {
  if ((context.request.length ?? 0) > limit) throw tooLong(limit);
}

const tooLong = (limit: number) => new Malformed(`The body is too large. At most ${limit} bytes are read here.`, 413);

/** Walks level by level, without recursion. */
function isTooDeep(body: unknown): boolean {
  let level = [body];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > maxDepth) return true;
    level = level.flatMap((value) =>
      typeof value === 'object' && value !== null
        ? Object.values(value).filter((inner) => typeof inner === 'object' && inner !== null)
        : [],
    );
  }
  return false;
}
