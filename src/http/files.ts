/** Files as answers: drawn as they are asked for, or from disk, where a part may be asked for (RFC 9110, 14). */
import type { Context } from 'koa';
import type { FileAnswer, StoredFile } from '../resource/serve.ts';

export function sendFile(context: Context, file: FileAnswer): void {
  context.attachment(file.name, { type: 'inline' });
  context.type = file.type;
  context.body = file.body;
}

export function sendStored(context: Context, { name, type, size, tag, open }: StoredFile): void {
  context.attachment(name);
  context.type = type;
  context.set('Accept-Ranges', 'bytes');
  context.set('ETag', `"${tag}"`);
  // What it is was asked for by its name alone, and nobody else's cache is to keep it.
  context.set('Cache-Control', 'private, no-cache');
  const range = rangeOf(context, size, `"${tag}"`);
  if (range === 'none') {
    context.status = 416;
    context.set('Content-Range', `bytes */${size}`);
    context.type = 'json';
    context.body = JSON.stringify({ detail: `The file has ${size} bytes; there are none in this Range.` });
    return;
  }
  const [first, last] = range ?? [0, size - 1];
  if (range) context.set('Content-Range', `bytes ${first}-${last}/${size}`);
  context.status = range ? 206 : 200;
  // Nothing is opened for a HEAD.
  context.body = context.method === 'HEAD' || size === 0 ? '' : open(first, last);
  context.length = last - first + 1;
}

/** First and last byte; undefined is the whole, as for several ranges and for a file that is another than `If-Range` names. */
function rangeOf(context: Context, size: number, tag: string): [number, number] | 'none' | undefined {
  const [, from, to] = /^bytes=(\d*)-(\d*)$/.exec(context.get('Range').trim()) ?? [];
  const condition = context.get('If-Range');
  if (from === undefined || to === undefined || (from === '' && to === '')) return undefined;
  if (condition !== '' && condition !== tag) return undefined;
  const first = from === '' ? Math.max(0, size - Number(to)) : Number(from);
  const last = from === '' || to === '' ? size - 1 : Math.min(Number(to), size - 1);
  if (from !== '' && to !== '' && Number(to) < Number(from)) return undefined;
  return first > last || first >= size ? 'none' : [first, last];
}
