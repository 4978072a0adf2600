import { expect, it } from 'vitest';
import type { Row } from '../../../src/db/database.ts';
import { workbook } from '../../../src/domain/exports/workbook.ts';
import { members, sheetsOf } from '../../support/workbook.ts';

async function* pagesOf(rows: Row[]): AsyncGenerator<Row[]> {
  for (const row of rows) yield [row];
}

async function written(fields: string[], pages: AsyncIterable<Row[]>, most?: number): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of workbook(fields, pages, most)) parts.push(part);
  return Buffer.concat(parts);
}

const numbers = (count: number) => Array.from({ length: count }, (_, n) => ({ n }));

it('begins another sheet, with the headings, when one is full', async () => {
  const book = await written(['n'], pagesOf(numbers(7)), 4);
  expect(sheetsOf(book)).toEqual([
    [['n'], [0], [1], [2]],
    [['n'], [3], [4], [5]],
    [['n'], [6]],
  ]);
  const exactly = await written(['n'], pagesOf(numbers(3)), 4);
  expect(sheetsOf(exactly)).toEqual([[['n'], [0], [1], [2]]]);
  expect(sheetsOf(await written(['n'], pagesOf([])))).toEqual([[['n']]]);
});

it('has numbers, truth and nothing as such, and texts as texts whatever is in them', async () => {
  const row = { a: -1.5, b: true, c: null, d: '=1+1', e: '<&>\u0001_x0041_\r\n', f: { x: ['é'] }, g: '', h: '007' };
  const [sheet] = sheetsOf(await written(Object.keys(row), pagesOf([row])));
  expect(sheet![1]).toEqual([-1.5, true, null, '=1+1', '<&>\u0001_x0041_\r\n', '{"x":["é"]}', null, '007']);
});

it('cuts a text that no cell holds, and keeps half a character out', async () => {
  const row = { long: `${'x'.repeat(32_766)}🙂 and more`, half: 'a\ud800' };
  const book = await written(['long', 'half'], pagesOf([row]));
  const [sheet] = sheetsOf(book);
  expect(sheet![1]).toEqual([`${'x'.repeat(32_766)}\ufffd`, 'a\ufffd']);
  expect(members(book).get('xl/workbook.xml')).toContain('<sheet name="Sheet1" sheetId="1" r:id="rId1"/>');
});

it('fails as its rows fail, and lets go of them when nobody reads on', async () => {
  async function* broken(): AsyncGenerator<Row[]> {
    yield numbers(3);
    throw new Error('The database is away.');
  }
  await expect(written(['n'], broken())).rejects.toThrow('The database is away.');
  let released = false;
  async function* endless(): AsyncGenerator<Row[]> {
    try {
      for (;;) yield Array.from({ length: 500 }, () => ({ n: Math.random() }));
    } finally {
      released = true;
    }
  }
  let size = 0;
  for await (const part of workbook(['n'], endless())) {
    size += part.length;
    if (size > 100_000) break;
  }
  expect(released).toBe(true);
});
