/** Cards to scan beside a kiosk: command codes, places, badges, as a PDF on A4 to cut up. */
import { Invalid, NotFound } from '../../base/errors.ts';
import type { TenantContext } from '../../db/context.ts';
import type { LabelData, LabelTemplate, PdfOptions } from '../../render/labels.ts';
import * as accounts from '../accounts/service.ts';
import * as locations from '../locations/service.ts';
import { type Command, commands } from '../resolve/service.ts';
import type { CardKind, CardSymbology } from './cards.ts';

export interface CardOptions {
  kinds: readonly CardKind[];
  /** Codes of the places that are wanted; all when empty. */
  places?: readonly string[];
  symbology?: CardSymbology;
}

/** In the words of the screen. */
const titles: Record<Command, [string, string]> = {
  record: ['Record', 'Scans are only recorded'],
  check_out: ['Check-out', 'A badge, then what is taken'],
  check_in: ['Check-in', 'What comes back'],
  move_here: ['Move here', 'A place, or what stands here'],
  stock_take: ['Stock-take', 'Everything here'],
  done: ['Done', 'Back to the usual mode'],
  cancel: ['Cancel', 'Takes back badge, place, mode'],
};

const card = { width: 92, height: 46 };
/** Ten to a page, a hand's breadth each, so that one code is not read for its neighbour. */
const sheet: NonNullable<PdfOptions['sheet']> = {
  name: 'cards',
  about: '',
  paper_width_mm: 210,
  paper_height_mm: 297,
  columns: 2,
  rows: 5,
  label_width_mm: card.width,
  label_height_mm: card.height,
  pitch_x_mm: 98,
  pitch_y_mm: 55,
  margin_left_mm: 10,
  margin_top_mm: 14,
};

const words = (x: number, y: number, width: number) =>
  (
    [
      [0, 10, '{{asset.name}}'],
      [11, 5, '{{asset.description}}'],
      [17, 4.5, '{{code}}'],
    ] as const
  ).map(([below, height, text]) => ({ type: 'text', align: 'left', x, width, y: y + below, height, text }) as const);

const layouts: Record<CardSymbology, NonNullable<LabelTemplate['layout']>['elements']> = {
  qr: [{ type: 'symbol', x: 2, y: 7, width: 32, height: 32, align: 'center' }, ...words(35, 11, 56)],
  code128: [{ type: 'symbol', x: 3, y: 3, width: 86, height: 16, align: 'center' }, ...words(4, 22, 84)],
};

/** NotFound when there is nothing to print, Invalid when a code does not fit on a card. */
export async function cards(ctx: TenantContext, { kinds, places = [], symbology = 'qr' }: CardOptions) {
  const { compile, checkFits, pdfStream } = await import('../../render/labels.ts');
  const layout = { name: 'card', width_mm: card.width, height_mm: card.height, elements: layouts[symbology] };
  const label = compile({ symbology, width_mm: card.width, height_mm: card.height, dpi: 600, layout });
  const items: LabelData[] = [];
  if (kinds.includes('commands')) items.push(...commandCards());
  if (kinds.includes('locations')) items.push(...(await placeCards(ctx, places)));
  if (kinds.includes('badges')) items.push(...(await badgeCards(ctx)));
  if (items.length === 0) throw new NotFound('There is nothing to print: no places, or no member with a badge_code.');
  for (const item of items) checkCard(() => checkFits(label, item), item.code);
  return { count: items.length, stream: pdfStream(label, items, { sheet, outline: true }) };
}

function checkCard(check: () => void, code: string): void {
  try {
    check();
  } catch (error) {
    if (!(error instanceof Invalid)) throw error;
    throw new Invalid(`${code}: ${error.message.replace(/^code: /, '')}`, { cause: error });
  }
}

const cardOf = (code: string, name: string, description: string): LabelData => ({ code, asset: { name, description } });

const commandCards = (): LabelData[] =>
  Object.entries(commands).map(([code, command]) => cardOf(code, ...titles[command]));

async function placeCards(ctx: TenantContext, wanted: readonly string[]): Promise<LabelData[]> {
  const rows = await locations.all(ctx);
  const missing = wanted.find((code) => !rows.some((row) => row.code === code));
  if (missing !== undefined) throw new NotFound(`There is no place with the code ${missing}.`);
  const chosen = wanted.length === 0 ? rows : rows.filter(({ code }) => wanted.includes(code));
  return chosen.map(({ code, name }) => cardOf(code, name, 'Place'));
}

async function badgeCards(ctx: TenantContext): Promise<LabelData[]> {
  const badges = await accounts.badges(ctx);
  return badges.map(({ code, name }) => cardOf(code, name, 'Badge'));
}
