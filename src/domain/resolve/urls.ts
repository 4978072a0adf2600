/** Label URLs: this site's own, under any address it ever had, and Snipe-IT's. */
import type { Context } from '../../db/context.ts';

/** What the URL of a label points at: the identity of an asset, or a text to look up. */
export interface Target {
  id?: number;
  text?: string;
}

const own = /^\/(?:(?:api\/v1\/)?assets\/(\d{1,15})|(?:a|l|ht)\/([^/]+))\/?$/;
const snipeTag = /\/ht\/([^/]+)\/?$/;
const snipeId = /\/hardware\/(\d{1,15})\/?$/;

/**
 * Undefined when the text is no label URL. A Snipe-IT identity is not one of ours: `/hardware/12` is looked up as the
 * code `snipeit:12`, which an import registers, so that a foreign number never names the wrong asset.
 */
export async function targetOf(ctx: Context, text: string): Promise<Target | undefined> {
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  const base = await baseOf(ctx, url);
  const path = base === undefined ? undefined : own.exec(url.pathname.slice(base.length));
  if (path?.[1]) return { id: Number(path[1]) };
  if (path?.[2]) return { text: decoded(path[2]) };
  const tag = snipeTag.exec(url.pathname)?.[1];
  if (tag) return { text: decoded(tag) };
  const id = snipeId.exec(url.pathname)?.[1];
  return id ? { text: `snipeit:${id}` } : undefined;
}

/** The path prefix of the known site address that the URL lies under. */
async function baseOf(ctx: Context, url: URL): Promise<string | undefined> {
  const rows = await ctx.db.query<{ url: string }>('SELECT url FROM site_urls');
  const prefixes = rows
    .map((row) => new URL(row.url))
    .filter((site) => site.host === url.host)
    .map((site) => site.pathname.replace(/\/$/, ''))
    .filter((prefix) => url.pathname.startsWith(`${prefix}/`));
  return prefixes.sort((one, two) => two.length - one.length)[0];
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** Remembers an address of this site, so that labels printed under it resolve for ever. */
export async function rememberUrl(ctx: Context, address: string): Promise<void> {
  const url = address.replace(/\/+$/, '');
  const known = await ctx.db.query('SELECT url FROM site_urls WHERE url = ?', [url]);
  if (known.length > 0) return;
  await ctx.db.execute('INSERT INTO site_urls (url, created_at) VALUES (?, ?)', [url, ctx.now().toISOString()]);
}
