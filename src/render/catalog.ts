/** Layouts and sheets that come with the program in templates/, and those that a site keeps beside them. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { z } from 'zod';
import { ConfigError, Invalid } from '../base/errors.ts';
import { packageRoot } from '../base/paths.ts';
import { type Layout, layoutSchema } from './layout.ts';
import { type Sheet, sheetSchema } from './sheet.ts';

const shipped = join(packageRoot, 'templates');

/** Sizes that labels come in: `50x25`. `extra` is a site's own templates folder. */
export const listLayouts = (extra?: string): Layout[] => read('labels', layoutSchema, extra);

/** Invalid on `template`, naming those there are. */
export function getLayout(name: string, extra?: string): Layout {
  const layouts = listLayouts(extra);
  const found = layouts.find((layout) => layout.name === name);
  if (!found)
    throw new Invalid({
      template: [
        `There is no label template "${name}". There are: ${layouts.map((layout) => layout.name).join(', ')}.`,
      ],
    });
  return found;
}

export const listSheets = (extra?: string): Sheet[] => read('sheets', sheetSchema, extra);

/** By full name or without its maker: `avery-5160` or `5160`. Invalid on `sheet`, naming those there are. */
export function getSheet(name: string, extra?: string): Sheet {
  const sheets = listSheets(extra);
  const wanted = name.toLowerCase();
  const found = sheets.find((sheet) => sheet.name === wanted || sheet.name.replace(/^[a-z]+-/, '') === wanted);
  if (!found)
    throw new Invalid({
      sheet: [`There is no sheet "${name}". There are: ${sheets.map((sheet) => sheet.name).join(', ')}.`],
    });
  return found;
}

/** A site's file takes the place of the shipped one of the same name. */
function read<S extends z.ZodType<{ name: string }>>(
  kind: string,
  schema: S,
  extra: string | undefined,
): z.output<S>[] {
  const byName = new Map<string, z.output<S>>();
  for (const folder of [shipped, extra]) {
    if (!folder || !existsSync(join(folder, kind))) continue;
    for (const file of readdirSync(join(folder, kind))
      .filter((name) => name.endsWith('.json'))
      .sort()) {
      const entry = readFile(join(folder, kind, file), schema);
      byName.set(entry.name, entry);
    }
  }
  return [...byName.values()];
}

function readFile<S extends z.ZodType<{ name: string }>>(path: string, schema: S): z.output<S> {
  try {
    return schema.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    throw new ConfigError(`${path} is not a valid template: ${(error as Error).message.slice(0, 200)}`, {
      cause: error,
    });
  }
}
