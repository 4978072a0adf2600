/** Kinds of assets. */
import { serve } from '../../resource/serve.ts';
import { assetCategories } from './resource.ts';

export const served = serve(assetCategories);
