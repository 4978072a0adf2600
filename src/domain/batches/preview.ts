/** How a label of a template looks, before one is printed. */
import { NotFound } from '../../base/errors.ts';
import type { TenantContext } from '../../db/context.ts';
import type { LabelData, LabelTemplate } from '../../render/labels.ts';
import * as store from '../../resource/store.ts';
import * as assets from '../assets/service.ts';
import * as templates from '../templates/service.ts';
import { checkPrintable, symbolText } from './codes.ts';

const renderer = () => import('../../render/labels.ts');

/** Invalid when the template cannot carry the code, or has no room for it. */
export async function checkCode(template: LabelTemplate, code: string): Promise<void> {
  await checkPrintable((await renderer()).compile(template), [code], 'code');
}

export interface Sample {
  /** What the symbol says; of an asset its own code. */
  code?: string | undefined;
  /** Tag of the asset whose label it is. */
  tag?: string | undefined;
}

/** PNG with a pixel for each dot. Invalid when the code does not fit. */
export async function draw(ctx: TenantContext, named: string, { code = 'ASSET-000123', tag }: Sample): Promise<Buffer> {
  const template = await templates.named(ctx, named);
  const asset = tag === undefined ? undefined : await store.findBy(ctx, assets.resource, 'asset_tag', tag);
  if (tag !== undefined && !asset) throw new NotFound(`No asset has the tag ${tag}.`);
  const shown = asset ? asset.barcode_value || asset.asset_tag : code;
  await checkCode(template, shown);
  const { compile, toPng } = await renderer();
  const label = compile(template);
  const { name, slug } = ctx.tenant;
  const data: LabelData = {
    code: symbolText(label.symbology, shown),
    asset: asset ? { ...asset } : { asset_tag: shown, name: 'Sample asset' },
    tenant: { name, slug },
  };
  return toPng(label, data);
}
