/** What a site has connected, as its other programs keep it here. Nothing in this program reads `config`. */
import { serve } from '../../resource/serve.ts';
import { integrations } from './resource.ts';

export const served = serve(integrations);
